"""birads-viewer's engine: files in, studies and predictions out; it has never heard of Qt.

The pipeline, in the order of its modules: `loading` reads files into `domain.Study`; `voi` maps
stored values to grey; `preprocessing` makes the network's input and remembers the geometry;
`models` are the networks, `checkpoint` keeps their weights with everything they need;
`predictor` answers, `gradcam` explains; `process` runs both in a child process; `readings`
stores what the reader said. `dataset`, `losses`, `training` and `evaluation` make and judge
the networks. This file imports nothing, so `import engine` is free.
"""

__version__ = "0.1.0"
