"""A report in, files for other tools out: one module a format, here their names."""

import enum


class ExportFormat(enum.StrEnum):
    """What a report can be written as."""

    MEGADETECTOR = "megadetector"
    COCO = "coco"
    YOLO = "yolo"
    LABELSTUDIO = "labelstudio"
    CSV_EXCEL = "csv-excel"
