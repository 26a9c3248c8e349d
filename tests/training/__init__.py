"""Tests of training: every optimizer against its twin, runs against the referee, resumption, many at once, refusals."""
