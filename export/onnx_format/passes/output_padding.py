"""Negative padding of transposed convolutions, which ONNX has not, as output padding.

The converter writes it where the stride is larger than the kernel: nothing reaches the last rows.
"""

from onnx import helper

from export.onnx_format.graph import OnnxGraph


def fix(graph: OnnxGraph) -> None:
    """Changes the attributes of such convolutions."""
    for node in graph.nodes:
        if node.op_type != "ConvTranspose":
            continue
        pads = next((list(a.ints) for a in node.attribute if a.name == "pads"), [])
        if min(pads, default=0) >= 0:
            continue
        half = len(pads) // 2
        totals = [first + last for first, last in zip(pads[:half], pads[half:], strict=True)]
        firsts = [max(total, 0) // 2 for total in totals]
        lasts = [max(total, 0) - first for total, first in zip(totals, firsts, strict=True)]
        kept = [a for a in node.attribute if a.name not in ("pads", "output_padding")]
        del node.attribute[:]
        node.attribute.extend(kept)
        node.attribute.append(helper.make_attribute("pads", firsts + lasts))
        beyond = [max(-total, 0) for total in totals]
        node.attribute.append(helper.make_attribute("output_padding", beyond))
