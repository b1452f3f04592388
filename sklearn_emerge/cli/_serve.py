"""The command ``serve``."""

from argparse import Namespace
from importlib.util import find_spec

from ._parser import Commands, Parser, add_command, add_option, count, host, port


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
    return parser


def run(options: Namespace) -> None:
    """Serve a network until interrupted."""
    from ..serving import create_service, load_network

    limits = {name: getattr(options, name) for name in ("max_tokens", "max_batch", "budget")}
    service = create_service(load_network(options.network), **limits)
    if find_spec("uvicorn") is None:
        raise ImportError('serve needs uvicorn; run pip install "sklearn-emerge[serve]".')
    import uvicorn

    uvicorn.run(service, host=options.host, port=options.port)
