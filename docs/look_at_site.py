"""Open pages of a built site in a browser, as wide as a phone, a tablet and a desk.

    python docs/look_at_site.py docs/_build/html

Nothing may reach beyond the window, no picture may be broken, both colour schemes have to be
there, and the search has to find words. It takes Chromium; without one it says so and ends.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

# Of a browser without a window, a profile or calls home.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDTHS = [360, 768, 1440]
WORDS = [
    "operator",
    "reservoir",
    "null",
    "GRUPredictor",
    "checkpoint",
    "seeds",
    "glossary",
    "attention",
    "resume",
    "ceiling",
]

LOOK = """
const problems = [], looked = [];
const open = (source, width) => new Promise(done => {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px; height:900px; border:0`;
  frame.onload = () => done(frame);
  frame.src = source;
  document.body.append(frame);
});
const wait = time => new Promise(done => setTimeout(done, time));
const brightness = page => {
  const [r, g, b] = page.defaultView.getComputedStyle(page.body).backgroundColor.match(/\\d+/g);
  return (+r + +g + +b) / 765;
};
// Whether an element, or one around it in the article, scrolls by itself.
const scrolls = (page, each) => {
  for (; each.tagName !== "ARTICLE"; each = each.parentElement)
    if (page.defaultView.getComputedStyle(each).overflowX !== "visible") return true;
  return false;
};
(async () => {
  for (const path of PAGES) for (const width of WIDTHS) {
    const frame = await open(path, width), page = frame.contentDocument;
    const root = page.documentElement, name = `${path} at ${width} pixels: `;
    for (const fold of page.querySelectorAll("article details")) fold.open = true;
    if (root.scrollWidth > width) problems.push(name + "is " + root.scrollWidth + " wide");
    const article = page.querySelector("article");
    const holder = article.parentElement;
    if (holder.scrollWidth > holder.clientWidth) problems.push(name + "scrolls sideways");
    for (const each of article.querySelectorAll("*")) {
      const inner = each.clientWidth && each.scrollWidth > each.clientWidth + 1;
      if ((inner || each.getBoundingClientRect().right > width + 1) && !scrolls(page, each))
        problems.push(`${name}${each.tagName} is too wide: ${each.textContent.trim().slice(0, 40)}`);
    }
    for (const picture of page.images) {
      picture.loading = "eager";
      await picture.decode().catch(() => problems.push(name + "broken picture " + picture.src));
    }
    root.dataset.theme = "light";
    const light = brightness(page);
    root.dataset.theme = "dark";
    await wait(500);
    if (!(light > 0.8 && brightness(page) < 0.3)) problems.push(name + "is not light and dark");
    looked.push(name);
    frame.remove();
  }
  for (const word of WORDS) {
    const frame = await open("search.html?q=" + word, 1440);
    for (let i = 0; i < 100 && !frame.contentDocument.querySelector("ul.search li a"); ++i)
      await wait(100);
    if (!frame.contentDocument.querySelector("ul.search li a"))
      problems.push("the search does not find " + word);
    looked.push(word);
    frame.remove();
  }
  await fetch("found", {method: "POST", body: JSON.stringify({problems, looked})});
})();
"""


class Handler(SimpleHTTPRequestHandler):
    """Serves the site, and takes what the browser has found."""

    def do_POST(self):
        """Keep what was found."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.found.put(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        """Say nothing."""


def look(folder, chromium, pages):
    """Return what is wrong, and what was looked at."""
    script = LOOK.replace("PAGES", json.dumps(pages)).replace("WIDTHS", json.dumps(WIDTHS))
    script = script.replace("WORDS", json.dumps(WORDS))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    server.found = Queue()
    server.handle_error = lambda *args: None  # of pages that are left before they have come
    Thread(target=server.serve_forever, daemon=True).start()
    host = Path(folder, "look.html")
    host.write_text(f"<!DOCTYPE html><meta charset=utf-8><body><script>{script}</script>", "utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [
                chromium,
                *FLAGS,
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                "--window-size=1500,1000",
                f"http://127.0.0.1:{server.server_port}/look.html",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            found = server.found.get(timeout=500)
        finally:
            browser.terminate()
            browser.wait()
            host.unlink()
            server.shutdown()
    return found["problems"], found["looked"]


def pages_of(folder):
    """Return all pages but those of single names, of which three stand for the others."""
    folder = Path(folder)
    paths = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.html"))]
    left = ("_static/", "reference/generated/", "search.html", "genindex.html", "look.html")
    names = ("assessment.EmergenceAssessment", "worlds.ArrayWorld", "linear_systems.filter_risk")
    return [path for path in paths if not path.startswith(left)] + [
        f"reference/generated/sklearn_emerge.{name}.html" for name in names
    ]


if __name__ == "__main__":
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("The site was not looked at: there is no Chromium here.")
        sys.exit()
    pages = pages_of(sys.argv[1])
    problems, looked = look(sys.argv[1], chromium, pages)
    if len(looked) != len(pages) * len(WIDTHS) + len(WORDS):
        problems.append(f"Only {len(looked)} pages and words were looked at.")
    print("\n".join(problems) or f"{len(looked)} pages and words were looked at.")
    sys.exit(bool(problems))
