"""Refuses another backend than torch, before anything else of the twins is imported."""

import keras

if keras.backend.backend() != "torch":
    raise RuntimeError(
        f"Expected Keras on its torch backend, got {keras.backend.backend()!r}: keras was imported before course_lib. "
        "Restart the kernel and import course_lib first."
    )
