"""Recurrent networks: cells of PyTorch, cells of one's own, a language model, attention over states."""

from __future__ import annotations

from typing import Any

import torch
from coverage_common import Case, Net, classified, continued, network, worded
from torch import nn

CE = nn.CrossEntropyLoss
STEPS = 6


@network
def rnn_lstm_classifier() -> Case:
    def forward(net: Any, x: Any) -> Any:
        states, _ = net.lstm(x)
        return net.fc(states[:, -1])

    return Net(forward, lstm=nn.LSTM(3, 8, batch_first=True), fc=nn.Linear(8, 3)), CE(), classified(STEPS, 3)


@network
def rnn_lstm_h0() -> Case:
    """Two layers, with states that the forward makes."""

    def forward(net: Any, x: Any) -> Any:
        h0 = torch.zeros(2, x.size(0), 8)
        c0 = torch.zeros(2, x.size(0), 8)
        states, _ = net.lstm(x, (h0.to(x), c0.to(x)))
        return net.fc(states[:, -1, :])

    return (
        Net(forward, lstm=nn.LSTM(3, 8, 2, batch_first=True), fc=nn.Linear(8, 3)),
        CE(),
        classified(STEPS, 3),
    )


@network
def rnn_gru_hidden() -> Case:
    """Both directions; the last states of each are read."""

    def forward(net: Any, x: Any) -> Any:
        _, hidden = net.gru(x)
        return net.fc(torch.cat([hidden[-2], hidden[-1]], dim=1))

    module = Net(forward, gru=nn.GRU(3, 8, batch_first=True, bidirectional=True), fc=nn.Linear(16, 3))
    return module, CE(), classified(STEPS, 3)


@network
def rnn_elman() -> Case:
    def forward(net: Any, x: Any) -> Any:
        states, _ = net.rnn(x)
        return net.fc(states[:, -1])

    return Net(forward, rnn=nn.RNN(3, 8, batch_first=True), fc=nn.Linear(8, 3)), CE(), classified(STEPS, 3)


class OwnCell(nn.Module):
    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.i2h, self.h2h, self.h2o = (
            nn.Linear(inputs, hidden),
            nn.Linear(hidden, hidden),
            nn.Linear(hidden, classes),
        )

    def step(self, x: Any, h: Any) -> Any:
        return torch.tanh(self.i2h(x) + self.h2h(h))


class OwnLoop(OwnCell):
    """As many steps as are written."""

    def forward(self, x: Any) -> Any:
        h = torch.zeros(x.size(0), self.hidden, dtype=x.dtype)
        for step in range(STEPS):
            h = self.step(x[:, step], h)
        return self.h2o(h)


class DynamicLoop(OwnCell):
    """As many steps as the input has."""

    def forward(self, x: Any) -> Any:
        h = torch.zeros(x.size(0), self.hidden, dtype=x.dtype)
        for step in range(x.size(1)):
            h = self.step(x[:, step, :], h)
        return self.h2o(h)


@network
def rnn_own_cell_loop() -> Case:
    return OwnLoop(3, 8, 3), CE(), classified(STEPS, 3)


@network
def rnn_own_cell_loop_dynamic() -> Case:
    return DynamicLoop(3, 8, 3), CE(), classified(STEPS, 3)


@network
def rnn_lstmcell() -> Case:
    def forward(net: Any, x: Any) -> Any:
        h = x.new_zeros(x.shape[0], 8)
        c = x.new_zeros(x.shape[0], 8)
        for step in range(STEPS):
            h, c = net.cell(x[:, step], (h, c))
        return net.fc(h)

    return Net(forward, cell=nn.LSTMCell(3, 8), fc=nn.Linear(8, 3)), CE(), classified(STEPS, 3)


@network
def rnn_lstm_language_model() -> Case:
    def forward(net: Any, ids: Any) -> Any:
        states, _ = net.lstm(net.embedding(ids))
        return net.decoder(states)

    parts = {
        "embedding": nn.Embedding(20, 12),
        "lstm": nn.LSTM(12, 16, batch_first=True),
        "decoder": nn.Linear(16, 20),
    }
    return Net(forward, **parts), "cross_entropy", continued(STEPS, 20)


class AttentionOverStates(nn.Module):
    """A GRU reads the words; a weight is given to each of its states by the last one, additively."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.encoder = nn.Embedding(12, 6), nn.GRU(6, 8, batch_first=True)
        self.query, self.key, self.score, self.out = (
            nn.Linear(8, 6),
            nn.Linear(8, 6),
            nn.Linear(6, 1),
            nn.Linear(16, 3),
        )

    def forward(self, ids: Any) -> Any:
        states, last = self.encoder(self.embedding(ids))
        last = last.squeeze(0)
        scores = self.score(torch.tanh(self.key(states) + self.query(last).unsqueeze(1)))
        context = (torch.softmax(scores, dim=1) * states).sum(dim=1)
        return self.out(torch.cat([context, last], dim=1))


@network
def rnn_seq2seq_attention() -> Case:
    return AttentionOverStates(), CE(), worded(STEPS, 12)


@network
def rnn_cnn_lstm() -> Case:
    """Images are read column by column."""

    def forward(net: Any, x: Any) -> Any:
        features = torch.relu(net.conv(x))
        columns = features.permute(0, 3, 1, 2).flatten(2)
        states, _ = net.lstm(columns)
        return net.fc(states[:, -1])

    module = Net(
        forward, conv=nn.Conv2d(1, 2, 3, padding=1), lstm=nn.LSTM(8, 8, batch_first=True), fc=nn.Linear(8, 3)
    )
    return module, CE(), classified(1, 4, 6)
