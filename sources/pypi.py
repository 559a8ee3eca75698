"""Downloads one file of a release with pip's own index, session and settings.

python3 -I - NAME VERSION SHA256 DIR

`pip download` would run a source archive's build backend for its metadata, on this machine and
outside any sandbox. Prints the names and hashes of the release; leaves the file in DIR.
"""
import logging
import os
import sys

from pip._internal.commands import create_command

refused = []


class Listen(logging.Handler):
    """Keeps what pip says of an index that it cannot read; it goes on without one."""

    def emit(self, record):
        text = record.getMessage()
        if text.startswith("Could not fetch URL"):
            refused.append(text)


logging.getLogger("pip").setLevel(logging.DEBUG)
logging.getLogger("pip").addHandler(Listen())
name, version, want, into = sys.argv[1:5]
command = create_command("download")
options, _ = command.parse_args(["--disable-pip-version-check", "--no-input", "--retries", "2", name])
with command.main_context():
    session = command.get_default_session(options)
    finder = command._build_package_finder(options=options, session=session)
    finder.format_control.no_binary.clear()
    links = {}
    for candidate in finder.find_all_candidates(name):
        if str(candidate.version) == version:
            links[candidate.link.filename] = candidate.link
    if not links:
        found = sorted({str(c.version) for c in finder.find_all_candidates(name)})
        if not found:
            sys.exit("error: no file of %s was found: %s" % (name, "; ".join(refused) or "no index has it"))
        sys.exit("error: no version %s; there are %s" % (version, ", ".join(found[-12:])))

    def offered(link):
        return link.hash if link.hash_name == "sha256" else None

    good = [n for n in sorted(links) if want and offered(links[n]) == want]
    unknown = [n for n in sorted(links) if offered(links[n]) is None]
    if not want:
        good = [n for n in sorted(links) if not n.endswith(".whl")] or sorted(links)
    if not good + unknown:
        sys.exit("error: no file of %s %s has the sha256 that the recipe says, %s; there are %s" % (
            name, version, want, "; ".join("%s %s" % (n, offered(links[n])) for n in sorted(links))))
    chosen = (good + unknown)[0]
    response = session.get(links[chosen].url_without_fragment, headers={"Accept-Encoding": "identity"}, stream=True)
    response.raise_for_status()
    with open(os.path.join(into, "file"), "wb") as f:
        for chunk in response.raw.stream(1 << 16, decode_content=False):
            f.write(chunk)
    print(chosen)
