"""Draw the embedded flow into README.md from the flow itself, so that the picture cannot lie.

Plumbing (keys off, values taken out of their wrapping) is left out; every step that does something is a box.
"""

from collections.abc import Iterator
from pathlib import Path

from bytewax.visualize import RenderedOperator, to_rendered

from flows.assemble import assembled
from flows.desks import load_desk
from flows.embedded import Recorder, build
from flows.lane_steps import LaneSteps
from operators.freshness import Freshness
from operators.journal import Addresser, Scope
from operators.normalise import Normaliser
from operators.order_book import OrderBooks

ROOT = Path(__file__).resolve().parent.parent.parent
BEGIN, END = "<!-- flow:begin -->", "<!-- flow:end -->"
PLUMBING = {"key_rm", "map_value", "flat_map"}


def flow_picture() -> Iterator[tuple[str, str]]:
    """README.md with the picture of the flow between its marks."""
    text = (ROOT / "README.md").read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    yield "README.md", f"{before}{BEGIN}\n\n{drawn()}\n\n{END}{after}"


def drawn() -> str:
    """Return the embedded flow as a Mermaid chart."""
    assembly = assembled(load_desk("lab", ROOT / "config"))
    steps = LaneSteps(
        Normaliser(),
        OrderBooks(),
        Freshness(assembly.budgets),
        assembly.lane,
        Addresser([Scope(assembly.configured.desk_id)]),
    )
    flow = to_rendered(build(iter([]), steps, assembly, Recorder(None, check=False, captures=[])))
    feeds = {port.port_id: step for step in flow.substeps for port in step.out_ports}
    lines = ["```mermaid", "flowchart LR"]
    for step in flow.substeps:
        if step.op_type in PLUMBING:
            continue
        shape = f"[({step.step_name})]" if step.op_type in ("input", "output") else f"[{step.step_name}]"
        lines.append(f"    {step.step_name}_{shape}")
        lines += [f"    {source}_ --> {step.step_name}_" for source in _sources(step, feeds)]
    return "\n".join([*lines, "```"])


def _sources(step: RenderedOperator, feeds: dict[str, RenderedOperator]) -> list[str]:
    """Names of the steps that feed a step, past the plumbing between."""
    found = []
    for port in step.inp_ports:
        for origin in port.from_port_ids:
            feeding = feeds[origin]
            found += _sources(feeding, feeds) if feeding.op_type in PLUMBING else [feeding.step_name]
    return found
