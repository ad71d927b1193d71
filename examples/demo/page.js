// Shows the records of /records. Client data becomes text nodes, never markup.
"use strict";

const KEPT = 200;
/** The characters of a body in a closed row, which CSS truncates to its width. */
const GLIMPSE = 300;
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];
const FORM = "application/x-www-form-urlencoded";
const EXAMPLES = [
  ["/login", FORM, "username=ann&password=pa55word"],
  ["/echo", "application/json", '{"note":"hello","items":[1,2,3],"token":"a1b2c3"}'],
  ["/code/500"],
  ["/download?bytes=300000"],
];

const at = (id) => document.getElementById(id);
/** The listed records, newest first: item, level, and text in lower case. */
const rows = [];
/** Events that arrived while the page was paused. */
const held = [];
let paused = false;
let missed = 0;
let last = { epoch: "", number: -1 };
/** Whether the hints are to be closed when the first record arrives. */
let hinting = true;

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text ?? "";
  return made;
}

const bytes = (size) => size?.toLocaleString("en");

function clock(timestamp) {
  const time = new Date(timestamp);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** Indents JSON, unless parsing changes it: long numbers are rounded, and duplicate keys dropped. */
function pretty(text) {
  try {
    const value = JSON.parse(text);
    const lines = JSON.stringify(value, null, 2);
    // Indentation can make nested brackets a thousand times as long.
    return JSON.stringify(value) === text && lines.length < 9999 + 9 * text.length ? lines : text;
  } catch {
    return text;
  }
}

/** Returns a function that reads the fields about a body. */
function bodyFields(record, whose) {
  return (name) => record[`http.${whose}.body.${name}`] ?? record[`exchange.${whose}.${name}`];
}

/** Builds the section of a body with its marks. */
function body(record, whose) {
  const field = bodyFields(record, whose);
  const title = element("h2", "", `${whose} body`);
  if (field("size") !== undefined) title.append(" ", element("span", "size", `${bytes(field("size"))} bytes`));
  const marks = ["truncated", "malformed", "unread"].filter(field);
  if (field("omitted")) marks.push(`omitted: ${field("omitted")}`);
  for (const mark of marks) title.append(" ", element("span", "mark", mark));
  const section = element("section", "body");
  section.append(title);
  if (field("content") !== undefined) {
    const text = element("pre", "", pretty(field("content")));
    // Makes the element scrollable by keyboard.
    text.tabIndex = 0;
    section.append(text);
  }
  return section;
}

/** Builds the preview of a body, or the reason why it is omitted. */
function glimpse(record, whose, arrow) {
  const field = bodyFields(record, whose);
  const text = field("content") ?? (field("omitted") ? `(omitted: ${field("omitted")})` : "");
  const cut = field("truncated") || text.length > GLIMPSE ? "…" : "";
  return element("span", "glimpse", text && `${arrow} ${text.slice(0, GLIMPSE)}${cut}`);
}

/** Builds the list of all other fields. */
function fields(record) {
  const all = element("dl", "fields");
  const first = (name) => Number(/^(error|exception|user)\./.test(name));
  for (const [name, value] of Object.entries(record).sort(([a], [b]) => first(b) - first(a))) {
    if (/^(http\.(request|response)\.body|exchange\.(request|response))\./.test(name)) continue;
    const text = Array.isArray(value) ? value.join(", ") : value;
    all.append(element("dt", "", name), element("dd", name === "exception.message" ? "wrong" : "", text));
  }
  return all;
}

function row(record) {
  const outcome = record["exchange.outcome"];
  const target = element("span", "target", `${record["http.request.method"]} ${record["url.path"]}`);
  if (record["url.query"]) target.append(element("span", "query", `?${record["url.query"]}`));
  const line = element("summary", "line");
  line.append(
    element("span", "time", clock(record.timestamp)),
    element("span", "level", record.level),
    target,
    element("span", "status", record["http.response.status_code"]),
    element("span", "code", record["exchange.code"]),
    element("span", outcome === "completed" ? "outcome" : "outcome wrong", outcome),
    element("span", "duration", (record["exchange.duration"] * 1000).toFixed(1)),
    element("span", "in", bytes(record["http.request.body.size"])),
    element("span", "out", bytes(record["http.response.body.size"])),
    glimpse(record, "request", "→"),
    glimpse(record, "response", "←"),
  );
  const details = element("details", "");
  details.append(line);
  const fill = () => details.append(body(record, "request"), body(record, "response"), fields(record));
  details.addEventListener("toggle", fill, { once: true });
  const item = element("li", "");
  item.dataset.level = record.level;
  item.append(details);
  return { item, level: LEVELS.indexOf(record.level), text: Object.entries(record).join("\n").toLowerCase() };
}

function refilter(some) {
  for (const row of some) {
    const wanted = row.level >= Number(at("level").value) && row.text.includes(at("text").value.toLowerCase());
    row.item.hidden = !wanted;
  }
  const shown = rows.filter((row) => !row.item.hidden).length;
  const counts = [shown === rows.length ? `${shown} shown` : `${shown} of ${rows.length} shown`];
  if (missed) counts.push(`${missed} missed`);
  if (paused) counts.push(`paused, ${held.length} waiting`);
  at("counts").textContent = counts.join(", ");
  at("none").textContent = rows.length ? "No record fits the filter." : "No records yet.";
  at("none").hidden = shown > 0;
}

function show(event) {
  const [epoch, digits] = event.lastEventId.split("-");
  const number = Number(digits);
  // Each process numbers its records from 0.
  if (epoch === last.epoch) {
    if (number <= last.number) return;
    missed += number - last.number - 1;
  }
  last = { epoch, number };
  const record = JSON.parse(event.data);
  rows.unshift(row(record));
  at("records").prepend(rows[0].item);
  rows.splice(KEPT).forEach((old) => old.item.remove());
  // The request for the page is recorded too.
  if (hinting && record["url.path"] !== "/") hinting = at("hints").open = false;
  refilter([rows[0]]);
}

function arrive(event) {
  if (!paused) return show(event);
  held.push(event);
  // Dropped events become a gap in the numbers.
  if (held.length > KEPT) held.shift();
  refilter([]);
}

function connect() {
  const source = new EventSource("/records");
  const say = (state) => {
    at("connection").textContent = at("connection").dataset.state = state;
  };
  source.onopen = () => say("connected");
  source.onmessage = arrive;
  source.onerror = () => {
    say("reconnecting");
    // A browser does not reconnect after a response that is not an event stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
  };
}

function example([path, type, data]) {
  const head = type && type !== FORM ? ` -H 'content-type: ${type}'` : "";
  const options = data ? { method: "POST", headers: { "content-type": type }, body: data } : {};
  const send = element("button", "", "Send");
  send.addEventListener("click", () => {
    hinting = false;
    // The list shows the record.
    fetch(path, options).then((response) => response.text()).catch(() => {});
  });
  const item = element("li", "");
  item.append(send, element("code", "", `curl '${location.origin}${path}'${head}${data ? ` -d '${data}'` : ""}`));
  return item;
}

at("examples").append(...EXAMPLES.map(example));
at("level").addEventListener("change", () => refilter(rows));
at("text").addEventListener("input", () => refilter(rows));
at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", paused);
  held.splice(0).forEach(show);
  refilter([]);
});
refilter([]);
connect();
