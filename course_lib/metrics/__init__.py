"""Measures of models: `classification` and `segmentation` here; generative measures join when their chapter does."""

from .classification import ClassificationReport, classification_report
from .segmentation import SegmentationReport, image_iou, segmentation_report

__all__ = ["ClassificationReport", "SegmentationReport", "classification_report", "image_iou", "segmentation_report"]
