"""What `metaplastic experiment` wrote, for tools/make_results and tools/draw_experiments."""
import json
import re

FORMAT = "metaplastic experiment 2"
UNSIZED = "fashion-mnist"  # images of 28 x 28 that an experiment shrinks to 14 x 14 without --resize
KEEPS_SIZE = {"layers"}  # experiments of conv layers, which shrink nothing


def load(path):
    """The record of a file; None where it is another JSON file."""
    record = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return None
    return record


def size_named(record, text):
    """The text with the size of the images behind each name of a data set, also where the program left it out."""
    keeps = "--resize" in record["command"] or record["experiment"] in KEEPS_SIZE
    size = "28x28" if keeps else "14x14"
    return re.sub(rf"\b{UNSIZED}\b(?! \d)", f"{UNSIZED} {size}", text)


def sized(record):
    """The record with such names."""
    rows = [{**row, "dataset": size_named(record, row["dataset"])} if "dataset" in row else row
            for row in record["rows"]]
    return {**record, "rows": rows, "finding": size_named(record, record["finding"])}
