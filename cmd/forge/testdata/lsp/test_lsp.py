"""An editor's session with `forge lsp` over its standard streams, by pytest-lsp, which also holds every
answer against what the client said it can do. FORGE names the program; `make conformance` runs this."""
import asyncio
import os
import pathlib

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

RECIPE = """\
context:
  name: demo  # é𝕏 before a place
  version: "1.2.3"

package:
  name: ${{ name }}
  version: ${{ version }}

build:
  number: 0

requirements:
  host:
    - python
    - zlib
  run:
    - python ${{ python }}.*

about:
  license: MIT
  summary: é𝕏 ${{ version }}
"""
VARIANTS = 'python:\n  - "3.11"\n  - "3.12"\n'
META = """\
{% set version = "1.0" %}
package:
  name: demo
  version: {{version}}
build:
  number: 0  # [linux]
about:
  home: https://demo.example
  license: MIT
"""


@pytest_lsp.fixture(params=["visual_studio_code", "neovim", "emacs"], config=ClientServerConfig(server_command=[os.environ["FORGE"], "lsp"]))
async def client(request, lsp_client: LanguageClient):
    await lsp_client.initialize_session(
        types.InitializeParams(capabilities=client_capabilities(request.param), workspace_folders=[]))
    yield
    await lsp_client.shutdown_session()


class Document:
    """A recipe that is open in the client; it types as a person does, change by change."""

    def __init__(self, client, folder: pathlib.Path, name: str, text: str):
        self.client, self.text, self.version = client, text, 1
        self.path = folder / name
        self.path.write_text(text)
        self.uri = self.path.as_uri()
        self.said, self.news = {}, asyncio.Event()
        self.listen()

    def listen(self):
        self.client.protocol.wait_for_notification("textDocument/publishDiagnostics", self.hear)

    def hear(self, params):
        self.listen()  # at once: the next may be here already
        if params.uri == self.uri:
            self.said[params.version] = params.diagnostics
            self.news.set()

    def item(self):
        return types.TextDocumentIdentifier(uri=self.uri)

    async def open(self):
        language = "yaml" if self.path.suffix == ".yaml" else "hcl"
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(
            types.TextDocumentItem(uri=self.uri, language_id=language, version=1, text=self.text)))
        return await self.told()

    async def told(self):
        """The diagnostics of the text as it is now."""
        while self.version not in self.said:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 60)
        return self.said[self.version]

    def place(self, mark: str, after: int = 0) -> types.Position:
        at = self.text.index(mark) + after
        line = self.text.count("\n", 0, at)
        start = self.text.rfind("\n", 0, at) + 1
        return types.Position(line, len(self.text[start:at].encode("utf-16-le")) // 2)

    def change(self, old: str, new: str):
        """Replaces one piece of text, and nothing else is sent."""
        start = self.place(old)
        end = self.place(old, len(old))
        self.text = self.text.replace(old, new, 1)
        self.version += 1
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(uri=self.uri, version=self.version),
            [types.TextDocumentContentChangePartial(range=types.Range(start, end), text=new)]))

    def apply(self, edits):
        """The text with the edits of an answer in it."""
        def offset(p):
            lines = self.text.split("\n")
            units = lines[p.line].encode("utf-16-le")[: 2 * p.character]
            return len("\n".join(lines[: p.line] + [""])) + len(units.decode("utf-16-le"))

        out = self.text
        for e in sorted(edits, key=lambda e: (e.range.start.line, e.range.start.character), reverse=True):
            out = out[: offset(e.range.start)] + e.new_text + out[offset(e.range.end):]
        return out


@pytest.fixture
def recipe(client, tmp_path):
    folder = tmp_path / "demo"
    folder.mkdir()
    (tmp_path / "libpng").mkdir()  # a recipe beside it
    (folder / "variants.yaml").write_text(VARIANTS)
    return Document(client, folder, "recipe.yaml", RECIPE)


def codes(diagnostics):
    return {d.code for d in diagnostics if d.severity == types.DiagnosticSeverity.Error}


@pytest.mark.asyncio
async def test_diagnostics_while_typing(recipe):
    assert codes(await recipe.open()) == set()
    for before, after in [("number", "numbe"), ("numbe", "numb"), ("numb", "nub")]:
        recipe.change(before + ": 0", after + ": 0")
        found = await recipe.told()
        assert "unknown-key" in codes(found), after
    bad = [d for d in found if d.code == "unknown-key"][0]
    assert bad.range.start == recipe.place("nub: 0")
    assert bad.range.end == recipe.place("nub: 0", 3)
    assert bad.source == "forge"
    recipe.change("nub: 0", "number: 0")
    assert codes(await recipe.told()) == set()
    recipe.change("é𝕏 ${{ version }}", "é𝕏 ${{ verison }}")  # places count UTF-16 units
    found = [d for d in await recipe.told() if d.code == "undefined"]
    assert found[0].range.start == recipe.place("verison")
    recipe.change("license: MIT", "license: [")
    assert codes(await recipe.told())
    recipe.change("license: [", "license: MIT")
    recipe.change("verison", "version")
    assert codes(await recipe.told()) == set()


@pytest.mark.asyncio
async def test_many_changes_at_once(recipe):
    await recipe.open()
    for i in range(50):  # a pasted text, or a fast hand: the last state counts
        recipe.change("number: " + str(i), "number: " + str(i + 1))
    assert codes(await recipe.told()) == set()
    hover = await recipe.client.text_document_hover_async(types.HoverParams(recipe.item(), recipe.place("number")))
    assert "number" in hover.contents.value


async def labels(doc, mark, after):
    answer = await doc.client.text_document_completion_async(types.CompletionParams(doc.item(), doc.place(mark, after)))
    items = answer if isinstance(answer, list) else answer.items
    return {i.label for i in items}


@pytest.mark.asyncio
async def test_completion(recipe):
    await recipe.open()
    assert {"python", "noarch", "script"} <= await labels(recipe, "  number: 0", 2)  # keys of build
    recipe.change("number: 0", "number: 0\n  noarch: ")
    assert {"python", "generic"} <= await labels(recipe, "noarch: ", 8)  # values
    recipe.change("- zlib", "- ${{ c }}")
    assert {"compiler", "cdt"} <= await labels(recipe, "${{ c", 5)  # functions
    recipe.change("${{ c }}", "l")
    assert "libpng" in await labels(recipe, "- l\n", 3)  # package names: the recipes beside
    recipe.change("- python ${{ python }}", "- python ${{ python | l }}")
    assert {"lower", "length", "last"} <= await labels(recipe, "| l }}", 3)  # filters
    recipe.change("| l }}", "}} ${{ v }}")
    assert "version" in await labels(recipe, "${{ v }}", 5)  # variables


@pytest.mark.asyncio
async def test_hover_tells_the_value_in_each_variant(recipe):
    await recipe.open()
    hover = await recipe.client.text_document_hover_async(
        types.HoverParams(recipe.item(), recipe.place("${{ python", 5)))
    assert "3.11" in hover.contents.value and "3.12" in hover.contents.value
    hover = await recipe.client.text_document_hover_async(
        types.HoverParams(recipe.item(), recipe.place("${{ version }}\n\nbuild", 6)))
    assert "1.2.3" in hover.contents.value
    hover = await recipe.client.text_document_hover_async(types.HoverParams(recipe.item(), recipe.place("license")))
    assert "SPDX" in hover.contents.value


@pytest.mark.asyncio
async def test_definition(recipe):
    await recipe.open()

    async def definition(mark, after):
        at = await recipe.client.text_document_definition_async(
            types.DefinitionParams(recipe.item(), recipe.place(mark, after)))
        return at[0] if isinstance(at, list) else at

    at = await definition("${{ python", 5)  # a variant key: in the file beside
    assert at.uri.endswith("/variants.yaml") and at.range.start.line == 0
    at = await definition("- python\n", 3)  # as a requirement
    assert at.uri.endswith("/variants.yaml")
    at = await definition("é𝕏 ${{ version", 8)
    assert at.uri == recipe.uri and at.range.start == recipe.place("version: \"1.2.3\"")


@pytest.mark.asyncio
async def test_rename(recipe):
    await recipe.open()
    where = recipe.place("é𝕏 ${{ version", 8)
    ready = await recipe.client.text_document_prepare_rename_async(types.PrepareRenameParams(recipe.item(), where))
    assert ready.placeholder == "version"
    edit = await recipe.client.text_document_rename_async(types.RenameParams(recipe.item(), where, "release"))
    out = recipe.apply(edit.changes[recipe.uri])
    assert out == RECIPE.replace('version: "1.2.3"', 'release: "1.2.3"').replace("${{ version }}", "${{ release }}")
    with pytest.raises(Exception, match="name"):
        await recipe.client.text_document_rename_async(types.RenameParams(recipe.item(), where, "not a name"))


@pytest.mark.asyncio
async def test_formatting(recipe):
    await recipe.open()
    recipe.change("build:\n  number: 0", "build:\n    number:    0   # kept\n")
    edits = await recipe.client.text_document_formatting_async(
        types.DocumentFormattingParams(recipe.item(), types.FormattingOptions(tab_size=2, insert_spaces=True)))
    out = recipe.apply(edits)
    assert "build:\n  number: 0" in out and "# kept" in out
    recipe.change(recipe.text, out)
    assert codes(await recipe.told()) == set()
    again = await recipe.client.text_document_formatting_async(
        types.DocumentFormattingParams(recipe.item(), types.FormattingOptions(tab_size=2, insert_spaces=True)))
    assert not again


@pytest.mark.asyncio
async def test_code_actions_fix_what_lint_says(client, tmp_path):
    doc = Document(client, tmp_path, "meta.yaml", META)
    bad = [d for d in await doc.open() if d.code == "jinja-spacing"]
    assert bad[0].range.start.line == doc.place("{{version}}").line

    async def actions(at, found, kind):
        answer = await client.text_document_code_action_async(types.CodeActionParams(
            doc.item(), at, types.CodeActionContext(diagnostics=found, only=[kind])))
        assert all(a.kind == kind for a in answer or [])
        return answer or []

    quick = await actions(bad[0].range, bad, types.CodeActionKind.QuickFix)
    assert list(quick[0].diagnostics) == bad
    assert doc.apply(quick[0].edit.changes[doc.uri]) == META.replace("{{version}}", "{{ version }}")
    assert not await actions(types.Range(types.Position(0, 0), types.Position(0, 1)), [], types.CodeActionKind.QuickFix)
    doc.change("number: 0  # [linux]", "number: 0 #[linux]   ")
    await doc.told()
    every = await actions(types.Range(types.Position(0, 0), types.Position(9, 0)), [], types.CodeActionKind.SourceFixAll)
    fixed = doc.apply(every[0].edit.changes[doc.uri])
    assert fixed == META.replace("{{version}}", "{{ version }}")
    doc.change(doc.text, fixed)
    assert not {"jinja-spacing", "selector-form", "trailing-space"} & {d.code for d in await doc.told()}


@pytest.mark.asyncio
async def test_symbols(recipe):
    await recipe.open()
    found = await recipe.client.text_document_document_symbol_async(types.DocumentSymbolParams(recipe.item()))
    assert [s.name for s in found] == ["name", "version"]


@pytest.mark.asyncio
async def test_hcl(client, tmp_path):
    doc = Document(client, tmp_path, "recipe.hcl",
                   'locals {\n  v = "1.2"\n}\npackage "a" {\n  version = local.v\n}\nabout {\n  license = "MIT"\n}\n')
    assert codes(await doc.open()) == set()
    doc.change("version", "verison")
    assert codes(await doc.told())
    doc.change("verison", "version")
    assert codes(await doc.told()) == set()
    hover = await client.text_document_hover_async(types.HoverParams(doc.item(), doc.place("local.v", 6)))
    assert "1.2" in hover.contents.value
    edit = await client.text_document_rename_async(types.RenameParams(doc.item(), doc.place("local.v", 6), "w"))
    assert 'w = "1.2"' in doc.apply(edit.changes[doc.uri]) and "local.w" in doc.apply(edit.changes[doc.uri])
    assert "license_file" in await labels(doc, "  license", 2)


@pytest.mark.asyncio
async def test_a_closed_file_has_no_diagnostics(recipe):
    recipe.text = RECIPE.replace("number", "nmber")
    assert codes(await recipe.open())
    recipe.client.text_document_did_close(types.DidCloseTextDocumentParams(recipe.item()))
    recipe.version = None  # of a file that is not open
    assert not await recipe.told()
