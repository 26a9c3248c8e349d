"""The one compiled loop: vertices enter from low to high, and components of what has entered are kept by union-find.

It stands outside of the folders whose hash names the cache of kernels: it calls nothing, so Numba's own look at the file is enough,
and an edit here has nothing else compiled again.
"""

from __future__ import annotations

import numpy as np

from landscape.jit import kernel


@kernel
def unite(order, offsets, rank, parent, label, births, deaths, heirs, count):  # type: ignore[no-untyped-def]
    """Let the vertices of `order` enter one after the other, and return the total number of components.

    Parameters
    ----------
    order
        int64 [m], places in a flat array with a border around it.
    offsets
        int64 [k], from a place to its neighbours.
    rank, parent, label
        int32, one for each place: when it entered (−1: not yet, or never), its parent in the forest, and the component that it
        was born into. What has entered before is set by the caller.
    births, deaths, heirs
        int64, one for each component: its first vertex, the vertex at which it met an older one, and that one; −1 for none. A component's
        number is lower the older it is.
    count
        Components that are there already.
    """
    for position in range(order.size):
        vertex = order[position]
        elder = np.int64(-1)
        lowest = np.int64(-1)
        for index in range(offsets.size):
            near = vertex + offsets[index]
            if rank[near] < 0:
                continue
            if lowest < 0 or rank[near] < rank[lowest]:
                lowest = near
            root = near
            while parent[root] != root:
                parent[root] = parent[parent[root]]
                root = np.int64(parent[root])
            if elder < 0:
                elder = root
            elif root != elder:
                younger = root
                if label[root] < label[elder]:
                    younger = elder
                    elder = root
                deaths[label[younger]] = vertex
                heirs[label[younger]] = label[elder]
                parent[younger] = elder
        rank[vertex] = position
        if elder < 0:
            parent[vertex] = vertex
            label[vertex] = count
            births[count] = vertex
            count += 1
        else:
            parent[vertex] = elder
            label[vertex] = label[lowest]
    return count
