"""Gather the verbs of `pt` and give every ending its exit code and its one line.

0: all well. 1: the work was done and something did not hold. 2: bad input or state, nothing done. 130: interrupted, 143
by SIGTERM. A reader who closes the pipe has read enough: that is no error. A traceback is shown only to who asks with
`--debug`.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from typer.core import TyperGroup
from typer.exceptions import Exit, TyperException

from cli import (
    bench,
    config,
    diff,
    doctor,
    export,
    feed,
    library_verbs,
    mock,
    policy,
    program,
    refeed,
    replay,
    run,
    shadow,
    sign,
    signer,
    store_verbs,
    submit,
    sweep,
    top,
    topics,
    up,
)
from cli.output import BAD, INTERRUPTED, OK, TERMINATED, hushed, interrupted, reason_of, say

DEBUG = "--debug"


class Pt(TyperGroup):
    """The command `pt`: parses, runs one verb, and ends with its exit code, whatever happened."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run and exit; never shows a traceback unless asked."""
        del prog_name, complete_var, standalone_mode, windows_expand_args
        words = list(sys.argv[1:] if args is None else args)
        code = self._ended([word for word in words if word != DEBUG], debug=DEBUG in words, **extra)
        sys.exit(code)

    def _ended(self, words: list[str], *, debug: bool, **extra: Any) -> int:
        try:
            with nullcontext() if debug else hushed():
                return self._run(words, **extra)
        except BrokenPipeError:
            _close_stdout()
            return OK
        except SystemExit as err:  # how rich says that the pipe was closed
            return OK if isinstance(err.__context__, BrokenPipeError) else BAD
        except KeyboardInterrupt as err:
            say("interrupted")
            return interrupted(err)
        except TyperException as err:
            return _misused(err)
        except Exception as err:
            if debug:
                traceback.print_exc()
            say("interrupted" if interrupted(err) else reason_of(err))
            return interrupted(err) or BAD

    def _run(self, words: list[str], **extra: Any) -> int:
        try:
            with self.make_context("pt", words, **extra) as context:
                code = self.invoke(context)
        except Exit as err:
            code = err.exit_code
        sys.stdout.flush()
        return code if isinstance(code, int) else OK


def _misused(err: TyperException) -> int:
    """Say in one line what was typed wrong, and the value; a bare `pt` has shown its help already."""
    text = " ".join(err.format_message().replace("Value error, ", "").split()).rstrip(".")
    given = repr(err.__cause__.errors()[0]["input"]) if isinstance(err.__cause__, ValidationError) else ""
    if given not in text:
        text += f" (got {given})"
    context = getattr(err, "ctx", None)
    if text:
        say(f"{text}; see {context.command_path if context is not None else 'pt'} --help")
    return BAD


def _close_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush does not fail again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


app = typer.Typer(
    cls=Pt,
    name="pt",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 all well; 1 done, and something did not hold; 2 bad input, nothing done. Start: make demo.",
)


@app.callback()
def pt(
    debug: Annotated[bool, typer.Option(DEBUG, help="Show the traceback of an error; stands anywhere.")] = False,
) -> None:
    """Run trading desks over recorded markets, and ask why they did what they did."""
    del debug  # taken out of the words in Pt.main, so that it may stand anywhere


app.command("run")(run.run)
app.command("replay")(replay.replay)
app.command("shadow")(shadow.shadow)
app.command("sweep")(sweep.sweep)
app.command("feed")(feed.feed)
app.command("record")(feed.record)
app.command("book")(store_verbs.book)
app.command("envelopes")(store_verbs.envelopes)
app.command("explain")(store_verbs.explain)
app.command("why")(store_verbs.why)
app.command("diff")(diff.diff)
app.command("report")(store_verbs.report)
app.command("export")(export.export)
app.command("bots")(library_verbs.bots)
app.add_typer(library_verbs.schemas, name="schemas")
app.add_typer(topics.topics, name="topics")
app.add_typer(config.config, name="config")
app.add_typer(policy.policy, name="policy")
app.command("up")(up.up)
app.command("top")(top.top)
app.command("doctor")(doctor.doctor)
app.command("program")(program.program)
app.command("refeed")(refeed.refeed)
app.command("mock")(mock.mock)
app.command("bench")(bench.bench)
app.command("sign")(sign.sign)
app.command("signer")(signer.signer)
app.command("submit")(submit.submit)


def end_with(program: typer.Typer, args: Sequence[str] | None = None) -> NoReturn:
    """Run a program and exit with its code.

    After an interruption the process leaves at once, since the interpreter might end by the signal itself, instead of
    with the code, where the interruption passed through a library on its way. Everything is closed by then but what was
    being opened when the signal came.
    """
    try:
        program(args=args)
    except SystemExit as end:
        if end.code in (INTERRUPTED, TERMINATED):
            from connectors.store import StoreLock

            sys.stdout.flush()
            StoreLock.release_all()
            os._exit(int(end.code))
        raise
    sys.exit(OK)


def main() -> None:
    """Run `pt`; exits with its code."""
    end_with(app)


if __name__ == "__main__":
    main()
