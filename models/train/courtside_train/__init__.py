"""Trains the networks of Courtside on generated games and packs them for `models/packs`.

The way of the data, one module a step:
`court` renders -> `codec` compresses -> `shelf` keeps -> `rim_windows`, `field_samples` draw batches
-> `fit` trains `rim_net`, `field_nets` -> `rim_judge`, `field_judge` measure -> `pack` writes the pack.
"""
