"use strict";
const data = JSON.parse(document.getElementById("data").textContent), all = data.packages;
const page = document.getElementById("page");
// Every text is a stranger's: it is only ever set as text.
const make = (tag, props = {}, ...inside) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) k === "style" ? Object.assign(e.style, v) : k.startsWith("on") ? e.addEventListener(k.slice(2), v) : e[k] = v;
  e.append(...inside.filter(x => x !== null && x !== undefined && x !== ""));
  return e;
};
// Control characters and those that turn text around are shown by their number.
const clean = s => String(s ?? "").replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, c => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
const size = n => n < 1e3 ? n + "\u00a0B" : n < 1e6 ? (n / 1e3).toFixed(1) + "\u00a0kB" : n < 1e9 ? (n / 1e6).toFixed(1) + "\u00a0MB" : (n / 1e9).toFixed(2) + "\u00a0GB";
const time = s => !s ? "" : s < 60 ? s.toFixed(1) + " s" : s < 3600 ? Math.floor(s / 60) + " m " + String(Math.round(s % 60)).padStart(2, "0") + " s" : (s / 3600).toFixed(1) + " h";
// What is clicked can be pressed, too.
const press = act => e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); act(); } };
const sum = f => all.reduce((n, p) => n + (f(p) || 0), 0);
all.forEach((p, i) => { p.i = i; p.users = []; p.built = p.built || []; p.tests = p.tests || []; p.needs = p.needs || []; p.label = clean(p.name); });
all.forEach(p => p.built.forEach(j => all[j].users.push(p.i)));
const failedTests = p => p.tests.filter(t => t.status === "failed").length, passedTests = p => p.tests.filter(t => t.status === "passed").length;
const verdict = p => failedTests(p) ? ["bad", failedTests(p) + " failed"] : passedTests(p) ? ["good", passedTests(p) + " passed"] : p.tests.length ? ["soft", p.tests.length + " skipped"] : p.recorded_tests ? ["soft", p.recorded_tests + " recorded"] : null;

function cards() {
  const bad = all.filter(p => !p.good).length, isolation = {};
  all.forEach(p => { if (p.isolation) isolation[p.isolation] = (isolation[p.isolation] || 0) + 1; });
  const failed = sum(failedTests), wide = all.filter(p => p.widened && p.widened.length).length;
  const list = [[size(sum(p => p.size)), "packed"], [size(sum(p => p.installed)), "installed, " + sum(p => p.files).toLocaleString("en") + " files"], [time(sum(p => p.seconds)) || "–", "of building"],
    failed ? [String(failed), (failed > 1 ? "tests" : "test") + " failed, " + sum(passedTests) + " passed", "bad"] : sum(passedTests) ? [String(sum(passedTests)), "tests passed"] : [String(sum(p => p.recorded_tests)), "tests recorded, no results here"],
    bad ? [String(bad), (bad > 1 ? "signatures" : "signature") + " not good, " + (all.length - bad) + " good", "bad"] : [String(all.length), "signatures good", "good"],
    [Object.entries(isolation).map(([k, n]) => k + (Object.keys(isolation).length > 1 ? " " + n : "")).join(", ") || "–", "isolation" + (wide ? ", " + wide + " widened" : ""), wide ? "warn" : ""]];
  const reasons = new Map();
  all.forEach(p => { if (!p.good) reasons.set(p.reason, (reasons.get(p.reason) || 0) + 1); });
  const why = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([r, n]) => make("p", { className: "bad" }, (n > 1 ? n + " packages: " : "1 package: ") + clean(r)));
  document.getElementById("top").append(make("p", { className: "soft" }, "in " + clean(data.dir)), ...(bad > 1 ? why : []),
    make("div", { className: "cards" }, ...list.map(([b, t, c]) => make("div", { className: "card" }, make("b", { className: c || "" }, b), make("span", { className: "soft" }, t)))));
}

// The graph: a column for each step of the longest way, boxes near what they are built with.
const svgNS = "http://www.w3.org/2000/svg";
const draw = (tag, attrs) => { const e = document.createElementNS(svgNS, tag); for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v); return e; };
// Packages that have to do with no other are no part of it.
const linked = all.filter(p => p.built.length || p.users.length), loose = all.length - linked.length;
let graph, nodes = [], edges = [];
function layout() {
  const level = new Map(), open = new Set();
  const depth = i => {
    if (level.has(i)) return level.get(i);
    if (open.has(i)) return 0;
    open.add(i);
    const d = all[i].built.reduce((m, j) => Math.max(m, depth(j) + 1), 0);
    open.delete(i); level.set(i, d);
    return d;
  };
  linked.forEach(p => depth(p.i));
  const columns = [], at = new Array(all.length).fill(0);
  linked.forEach(p => (columns[level.get(p.i)] ||= []).push(p.i));
  columns.forEach(c => c.forEach((i, k) => at[i] = k / c.length));
  for (let round = 0; round < 6; round++) columns.forEach(c => {
    const want = i => { const near = round % 2 ? all[i].users : all[i].built; return near.length ? near.reduce((s, j) => s + at[j], 0) / near.length : at[i]; };
    const wish = new Map(c.map(i => [i, want(i)]));
    c.sort((a, b) => wish.get(a) - wish.get(b) || a - b).forEach((i, k) => at[i] = (k + .5) / c.length);
  });
  return columns;
}
// Environments hold what their packages need, too. Of that only what nothing else explains is drawn.
const below = [];
function under(i) {
  if (below[i]) return below[i];
  const set = below[i] = new Set();
  all[i].built.forEach(j => { set.add(j); under(j).forEach(k => set.add(k)); });
  return set;
}
const direct = p => p.built.filter(j => !p.built.some(k => k !== j && under(k).has(j)));
// One stop for the Tab key, arrows from box to box: left and right along the edges, up and down in the order of the page.
function walk(p, e) {
  const k = linked.indexOf(p), to = { ArrowLeft: p.built[0], ArrowRight: p.users[0], ArrowUp: linked[k - 1]?.i, ArrowDown: linked[k + 1]?.i }[e.key];
  if (to === undefined) return;
  e.preventDefault();
  nodes[p.i].setAttribute("tabindex", -1); nodes[to].setAttribute("tabindex", 0); nodes[to].focus(); pick(to);
}
function drawGraph() {
  if (!linked.length) return;
  // Long columns are folded, so that the picture stays about as wide as it is high.
  const columns = layout(), fold = Math.max(14, Math.ceil(Math.sqrt(linked.length) * 1.1)), w = 150, h = 18, gapX = 46, gapY = 7, place = [];
  let x = 10, high = 0;
  columns.forEach(c => {
    const parts = Math.ceil(c.length / fold), per = Math.ceil(c.length / parts);
    c.forEach((i, k) => { place[i] = { x: x + Math.floor(k / per) * (w + 14), y: 10 + (k % per) * (h + gapY) }; });
    high = Math.max(high, per);
    x += parts * (w + 14) + gapX;
  });
  columns.forEach(c => { const parts = Math.ceil(c.length / fold), per = Math.ceil(c.length / parts), shift = (high - per) * (h + gapY) / 2; c.forEach(i => place[i].y += shift); });
  graph = draw("svg", { width: x, height: 20 + high * (h + gapY), role: "group", "aria-label": "what is built with what" });
  linked.forEach(p => direct(p).forEach(j => {
    const a = place[j], b = place[p.i], x1 = a.x + w, y1 = a.y + h / 2, x2 = b.x, y2 = b.y + h / 2, m = Math.max(20, (x2 - x1) / 2);
    const e = draw("path", { d: `M${x1} ${y1}C${x1 + m} ${y1} ${x2 - m} ${y2} ${x2} ${y2}` });
    edges.push([j, p.i, e]); graph.append(e);
  }));
  linked.forEach(p => {
    const g = draw("g", { tabindex: p.i === columns[0][0] ? 0 : -1, role: "button", "aria-label": p.label }), at = place[p.i], t = draw("text", { x: at.x + 5, y: at.y + 13 }), full = draw("title", {});
    const short = p.label.replace(/-[^-]*$/, "");
    t.textContent = short.length > 22 ? short.slice(0, 21) + "…" : short; full.textContent = p.label;
    g.append(full, draw("rect", { class: "n" + (p.good && !failedTests(p) ? "" : " bad"), x: at.x, y: at.y, width: w, height: h, rx: 3 }), t);
    g.addEventListener("click", () => show(p.i)); g.addEventListener("keydown", e => { walk(p, e); press(() => show(p.i))(e); }); nodes[p.i] = g; graph.append(g);
  });
  graph.addEventListener("click", e => { if (e.target === graph) pick(-1); });
  const wide = x, tall = 20 + high * (h + gapY);
  graph.setAttribute("viewBox", `0 0 ${wide} ${tall}`);
  const fit = make("a", { href: "#", onclick: e => { e.preventDefault(); const whole = graph.getAttribute("width") !== "100%"; graph.setAttribute("width", whole ? "100%" : wide); whole ? graph.removeAttribute("height") : graph.setAttribute("height", tall); fit.textContent = whole ? "readable" : "whole"; } }, "whole");
  page.append(make("h2", {}, "Built with"), make("p", { className: "soft" }, "From left to right. A click shows what a package is built with and what is built with it. Show it ", fit, ".", loose ? ` ${loose} more ${loose > 1 ? "packages have" : "package has"} nothing to do with the others.` : ""), make("div", { id: "graph", className: "box" }, graph));
}
function pick(i) {
  if (!graph) return;
  nodes.forEach(n => n.setAttribute("class", "")); edges.forEach(e => e[2].setAttribute("class", ""));
  graph.setAttribute("class", i < 0 ? "" : "picked");
  if (i < 0) return;
  const reach = next => { const seen = new Set([i]), todo = [i]; while (todo.length) for (const j of next(all[todo.pop()])) if (!seen.has(j)) { seen.add(j); todo.push(j); } return seen; };
  const down = reach(p => p.built), up = reach(p => p.users);
  nodes.forEach((n, k) => { if (down.has(k) || up.has(k)) n.setAttribute("class", k === i ? "on self" : "on"); });
  edges.forEach(([a, b, e]) => { if (down.has(a) && down.has(b) || up.has(a) && up.has(b)) e.setAttribute("class", "on"); });
}

function timeline() {
  if (!data.timeline || !data.span) return;
  const lanes = [], byName = new Map();
  all.forEach(p => { const short = p.name.replace(/-[^-]*-[^-]*$/, ""); if (!byName.has(short)) byName.set(short, p.i); });
  data.timeline.forEach(s => {
    const lane = lanes[s.lane] ||= make("div", { className: "lane" });
    const wide = 100 * s.seconds / data.span, to = byName.get(s.name);
    lane.append(make("i", { className: s.failed ? "failed" : "", title: clean(s.name) + ", " + s.seconds.toFixed(2) + " s" + (s.failed ? ", failed" : ""), onclick: () => to !== undefined && show(to),
      style: { left: 100 * s.start / data.span + "%", width: Math.max(.05, wide) + "%" } }, wide > 2 ? clean(s.name) : ""));
  });
  const failed = [...new Set(data.timeline.filter(s => s.failed).map(s => s.name))];
  const axis = make("div", { className: "axis" }, ...[0, 1, 2, 3, 4].map(k => make("span", { style: { left: 25 * k + "%" } }, time(data.span * k / 4) || "0 s")));
  page.append(make("h2", {}, "Timeline"), data.summary ? make("p", { className: "soft" }, clean(data.summary)) : "", failed.length ? make("p", { className: "bad" }, `${failed.length} failed: ${failed.slice(0, 20).map(clean).join(", ")}` + (failed.length > 20 ? ` and ${failed.length - 20} more` : "")) : "", make("div", {}, ...lanes.filter(Boolean)), axis);
}

// Packages that are good and on this page are not told twice.
function materials(p) {
  const told = new Set((p.materials || []).map(m => m.name));
  return (p.materials || []).concat(p.built.filter(j => !told.has(all[j].name)).map(j => ({ kind: "package", link: j, digest: `sha256 ${all[j].sha256.slice(0, 16)}…`, status: "good" })));
}
const link = i => make("a", { href: "#" + encodeURIComponent(all[i].name), onclick: e => { e.preventDefault(); e.stopPropagation(); show(i); } }, all[i].label);
const joined = list => list.flatMap((x, k) => k ? [", ", x] : [x]);
const section = (title, ...inside) => make("div", {}, make("h3", {}, title), ...inside);
const rowsOf = (list, cells) => make("table", {}, make("tbody", {}, ...list.map(x => make("tr", {}, ...cells(x).map((c, k) => c instanceof Node ? make("td", {}, c) : make("td", {}, clean(c)))))));
function detail(p) {
  const facts = make("dl", {}), fact = (k, ...v) => { if (v.length && v[0] !== "" && v[0] !== undefined) facts.append(make("dt", {}, k), make("dd", {}, ...v)); };
  fact("file", clean(p.file)); fact("licence", clean(p.license)); fact("sha256", make("code", {}, clean(p.sha256)));
  const made = make("dl", {}), say = (k, ...v) => { if (v.length && v[0] !== "" && v[0] !== undefined) made.append(make("dt", {}, k), make("dd", {}, ...v)); };
  say("verdict", make("span", { className: p.good ? "good" : "bad" }, p.good ? "good" : clean(p.reason)));
  (p.signed || []).forEach(s => say("signed by", make("code", {}, clean(s))));
  say("recipe", clean(p.recipe)); if (p.commit) say("commit", make("code", {}, clean(p.commit)));
  say("isolation", p.isolation ? clean(p.isolation) : p.key ? "no script ran" : "");
  if (p.widened) say("widened", make("span", { className: "warn" }, p.widened.map(clean).join(", ")));
  if (p.key) say("key", make("code", {}, clean(p.key)));
  if (p.epoch) say("source date", new Date(p.epoch * 1e3).toISOString().slice(0, 10));
  const parts = [section("Package", facts), section("Provenance", made)];
  if (p.depends) parts.push(section("Depends on", ...joined(p.depends.map(d => make("code", {}, clean(d))))));
  if (p.built.length) parts.push(section("Built with", ...joined(p.built.map(link))));
  if (p.users.length) parts.push(section("Used to build", ...joined(p.users.slice(0, 40).map(link)), p.users.length > 40 ? ` and ${p.users.length - 40} more` : ""));
  if (p.tests.length || p.recorded_tests) parts.push(section("Tests", p.tests.length ? rowsOf(p.tests, t => [make("span", { className: t.status === "passed" ? "good" : t.status === "failed" ? "bad" : "soft" }, clean(t.status)), `${t.index} (${t.kind}${t.python ? ", python " + t.python : ""})`, time(t.seconds), t.reason || ""]) : make("span", { className: "soft" }, p.recorded_tests + " recorded, no results here")));
  if (p.needs.length || p.offers) parts.push(section("Libraries", p.offers ? make("p", {}, "brings ", ...joined(p.offers.map(o => make("code", {}, clean(o))))) : "", rowsOf(p.needs, n => [make("code", {}, clean(n.name)), n.from >= 0 ? link(n.from) : make("span", { className: "soft" }, "not of these packages"), n.files + (n.files > 1 ? "\u00a0files" : "\u00a0file")])));
  if (p.biggest) parts.push(section("Biggest files", rowsOf(p.biggest, f => [make("code", {}, clean(f.path)), size(f.size)])));
  const sources = materials(p);
  if (sources.length) { const m = section("Made from", rowsOf(sources, m => [m.kind, m.link === undefined ? m.name : link(m.link), make("code", {}, clean(m.digest)), m.status])); m.className = "wide"; parts.push(m); }
  return make("div", { className: "detail" }, ...parts);
}

const most = f => Math.max(1e-9, ...all.map(p => f(p) || 0)), maxSize = most(p => p.installed), maxTime = most(p => p.seconds);
const bar = (part, whole) => make("span", { className: "bar", style: { width: Math.max(1, 100 * part / whole) + "%" } });
const columns = [["package", p => p.label, p => p.label], ["subdir", p => p.subdir, p => clean(p.subdir)], ["packed", p => p.size, p => size(p.size), 1],
  ["installed", p => p.installed, p => [size(p.installed), bar(p.installed, maxSize)], 1], ["files", p => p.files, p => String(p.files), 1],
  ["built in", p => p.seconds || 0, p => p.seconds ? [time(p.seconds), bar(p.seconds, maxTime)] : "", 1],
  ["tests", p => failedTests(p) * 1e6 + passedTests(p), p => verdict(p) ? make("span", { className: verdict(p)[0] }, verdict(p)[1]) : "", 1],
  ["used by", p => p.users.length, p => String(p.users.length), 1], ["signature", p => p.good ? 1 : 0, p => make("span", { className: p.good ? "good" : "bad", title: p.good ? "" : clean(p.reason) }, p.good ? "good" : "not good")]];
let rows = [], heads = [], body, sorted = 0, up = true, find, count, only;
function table() {
  body = make("tbody");
  find = make("input", { type: "search", placeholder: "name, licence, library, source …", ariaLabel: "filter", oninput: filter });
  only = make("select", { ariaLabel: "show", onchange: filter }, ...[["", "all"], ["bad", "signature not good"], ["failed", "a test failed"], ["untested", "no test passed"], ["wide", "widened"]].map(([v, t]) => make("option", { value: v }, t)));
  count = make("span", { className: "soft" });
  heads = columns.map((c, k) => {
    const sort = () => { up = sorted === k ? !up : !c[3]; sorted = k; order(); };
    return make("th", { className: c[3] ? "n" : "", scope: "col", tabIndex: 0, onclick: sort, onkeydown: press(sort) }, c[0]);
  });
  all.forEach(p => {
    const cells = columns.map(c => { const v = c[2](p); return make("td", { className: c[3] ? "n" : "" }, ...(Array.isArray(v) ? v : [v])); });
    const row = make("tr", { className: "p", tabIndex: 0, onclick: () => toggle(p.i), onkeydown: e => { if (e.target === row) press(() => toggle(p.i))(e); } }, ...cells);
    rows[p.i] = { row, more: null, text: [p.name, p.license, p.file, ...(p.depends || []), ...(p.offers || []), ...p.needs.map(n => n.name), ...(p.materials || []).map(m => m.name), ...p.built.map(j => all[j].name)].join("\n").toLowerCase() };
  });
  page.append(make("h2", {}, "Packages"), make("div", { className: "tools" }, find, only, count), make("table", { className: "packages" }, make("thead", {}, make("tr", {}, ...heads)), body));
  order(); filter();
}
function order() {
  heads.forEach((h, k) => h.ariaSort = k === sorted ? (up ? "ascending" : "descending") : "none");
  const key = columns[sorted][1], list = all.slice().sort((a, b) => { const x = key(a), y = key(b); return (x < y ? -1 : x > y ? 1 : a.i - b.i) * (up ? 1 : -1); });
  body.replaceChildren(...list.flatMap(p => rows[p.i].more ? [rows[p.i].row, rows[p.i].more] : [rows[p.i].row]));
}
function filter() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean), which = only.value;
  const kind = { bad: p => !p.good, failed: p => failedTests(p), untested: p => !passedTests(p), wide: p => p.widened && p.widened.length }[which];
  let n = 0;
  all.forEach(p => { const r = rows[p.i], on = words.every(w => r.text.includes(w)) && (!kind || kind(p)); r.row.hidden = !on; if (r.more) r.more.hidden = !on; n += on; });
  count.textContent = n === all.length ? "" : n + " of " + all.length;
}
function toggle(i, open) {
  const r = rows[i];
  r.row.ariaExpanded = !r.more || Boolean(open);
  if (r.more && !open) { r.more.remove(); r.more = null; pick(-1); return; }
  if (!r.more) { r.more = make("tr", { className: "m" }, make("td", { colSpan: columns.length }, detail(all[i]))); r.row.after(r.more); }
  pick(i);
}
function show(i) {
  if (rows[i].row.hidden) { find.value = ""; only.value = ""; filter(); }
  toggle(i, true);
  location.hash = encodeURIComponent(all[i].name);
  rows[i].row.scrollIntoView({ block: "center" });
}
cards(); drawGraph(); timeline(); table();
// The first column stands in the middle of what may be much higher than its box.
if (graph) graph.parentElement.scrollTop = (graph.getAttribute("height") - graph.parentElement.clientHeight) / 2;
const asked = decodeURIComponent(location.hash.slice(1)), first = all.find(p => p.name === asked);
if (first) show(first.i);
