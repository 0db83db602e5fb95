"""Measures of classifiers, of segmentation, of generated images, and of latent numbers."""

from .bounds import importance_bound
from .cheats import copied, two_sample_accuracy
from .classification import ClassificationReport, classification_report
from .generative import (
    GenerativeReport,
    frechet_distance,
    generative_report,
    kernel_distance,
    modes_covered,
    nearest,
    precision_recall,
)
from .latent import mutual_information, mutual_information_gap
from .patches import nearest_crop, patch_distance, patch_features, spectrum
from .segmentation import SegmentationReport, image_iou, segmentation_report

__all__ = [
    "ClassificationReport",
    "GenerativeReport",
    "SegmentationReport",
    "classification_report",
    "copied",
    "frechet_distance",
    "generative_report",
    "image_iou",
    "importance_bound",
    "kernel_distance",
    "modes_covered",
    "mutual_information",
    "mutual_information_gap",
    "nearest",
    "nearest_crop",
    "patch_distance",
    "patch_features",
    "precision_recall",
    "segmentation_report",
    "spectrum",
    "two_sample_accuracy",
]
