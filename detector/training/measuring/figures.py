"""Figures in, Markdown out, as the model card holds it."""

from detector.training.measuring.evaluate import Figures


def format_figures(figures: Figures) -> str:
    """All figures; of classes that the photos show."""
    shown = [one for one in figures.classes if one.boxes]
    lines = [
        "| class | boxes | AP50 | of small, medium, large (COCO) | AP50-95 | threshold | boxes found "
        "| photos found | reported rightly |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {one.label} | {one.boxes} "
            f"| {one.ap50:.3f} ({one.ap50_interval[0]:.3f}–{one.ap50_interval[1]:.3f}) "
            f"| {', '.join('–' if ap < 0 else f'{ap:.3f}' for ap in one.ap50_by_area)} "
            f"| {one.ap50_95:.3f} | {one.threshold:.2f} | {one.box_recall:.0%} "
            f"| {_format_share(one.photo_recall)} | {_format_share(one.photo_precision)} |"
            for one in shown
        ),
    ]
    rate = 1000 * figures.negatives_hit / max(figures.negatives, 1)
    lines.append(
        f"\nNegative photos hit: {figures.negatives_hit} of {figures.negatives} ({rate:.0f} per 1,000); "
    )
    lines[-1] += ", ".join(f"{kind} {hit} of {every}" for kind, (hit, every) in figures.hits_by_kind.items())
    for one in shown:
        sizes = ", ".join(
            f"{name} px {found} of {every}" for name, (found, every) in one.recall_by_size.items()
        )
        sources = ", ".join(f"{name} {found} of {every}" for name, (found, every) in one.by_source.items())
        lines.append(
            f"\n{one.label}: boxes found by shorter side: {sizes}. Photos found by source: {sources}."
        )
    lines.append("\n| truth | reported as | boxes |\n|---|---|--:|")
    lines += [f"| {truth} | {reported} | {n} |" for (truth, reported), n in sorted(figures.confusion.items())]
    lines.append("\n| confidence | detections | of them right |\n|---|--:|--:|")
    lines += [
        f"| {between} | {every} | {right / every:.0%} |" if every else f"| {between} | 0 | |"
        for between, (right, every) in figures.reliability.items()
    ]
    return "\n".join(lines) + "\n"


def _format_share(share: tuple[float, float, float]) -> str:
    return f"{share[0]:.0%} ({share[1]:.0%}–{share[2]:.0%})"
