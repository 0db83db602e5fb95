"""Measures of models: `classification` here; generative measures join when their chapter does."""

from .classification import ClassificationReport, classification_report

__all__ = ["ClassificationReport", "classification_report"]
