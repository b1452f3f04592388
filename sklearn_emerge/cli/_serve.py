"""The command ``serve``."""

from argparse import Namespace

from ._parser import Commands, Parser, add_command, add_option, count, host, port

# Of create_service.
_OPTIONS = (
    "budget",
    "docs",
    "max_answer",
    "max_batch",
    "max_requests",
    "max_share",
    "max_tokens",
    "timeout",
)


def add(commands: Commands) -> Parser:
    """Add the command, and return its parser."""
    parser = add_command(
        commands,
        "serve",
        "serve a network that export_network has written",
        "python -m sklearn_emerge serve network.pt2 --port 8000",
    )
    parser.add_argument("network", metavar="FILE", help="such as network.pt2")
    add_option(parser, "--host", "127.0.0.1", "address to listen at", type=host)
    add_option(parser, "--port", 8000, "port to listen at", type=port)
    parser.add_argument(
        "--max-tokens",
        type=count,
        metavar="N",
        help="steps of a request (default: what the budget leaves)",
    )
    add_option(parser, "--max-batch", 64, "prompts of a request", type=count, metavar="N")
    parser.add_argument(
        "--budget",
        type=count,
        metavar="N",
        help="tokens with the prompt (default: the context of the network)",
    )
    number = dict(type=count, metavar="N")
    add_option(parser, "--max-answer", 1024, "tokens of an answer: prompts times steps", **number)
    add_option(parser, "--max-requests", 512, "requests that are under way at once", **number)
    share = dict(type=float, metavar="SHARE")
    add_option(parser, "--max-share", 0.5, "share of these that one client may have", **share)
    seconds = dict(type=float, metavar="SECONDS")
    add_option(parser, "--timeout", 10.0, "time in which a request has to come", **seconds)
    parser.add_argument("--docs", action="store_true", help="describe the service at /docs")
    return parser


def run(options: Namespace) -> None:
    """Serve a network until interrupted."""
    from ..serving import create_service, load_network
    from ..serving._server import run_server

    limits = {name: value for name, value in vars(options).items() if name in _OPTIONS}
    service = create_service(load_network(options.network), **limits)
    run_server(service, options.host, options.port, options.timeout)
