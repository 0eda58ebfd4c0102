"""birads-viewer's window: Qt widgets that know the words of `engine.domain`, and one session that
knows the engine.
"""
