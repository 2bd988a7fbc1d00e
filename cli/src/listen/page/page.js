// The page of `webhook listen`. The content of a delivery enters the document only as text, through `textContent` and
// attributes with fixed names. It never becomes markup, which the content security policy also enforces.
"use strict";

const byId = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=token]").content;

// The deliveries by number, each with its row, and the number of the selected delivery.
const deliveries = new Map();
let about = {};
let selected = null;
let shown = null;
let view = "json";

// ---- Helpers

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function timeOf(delivery) {
  return new Date(delivery.received_at).toLocaleTimeString([], { hour12: false });
}

function sizeOf(bytes) {
  if (bytes < 1024) return bytes === 1 ? "1 byte" : `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

let toastTimer;
function toast(text) {
  byId("toast").textContent = text;
  byId("toast").hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { byId("toast").hidden = true; }, 4000);
}

// ---- Texts for a delivery

function originOf(delivery) {
  const { origin } = delivery;
  if (typeof origin === "string") return null;
  const [[how, number]] = Object.entries(origin);
  const words = { again: "sent again", signed_anew: "signed now", edited: "edited" };
  return `#${number} ${words[how]}`;
}

function statusOf(delivery) {
  if (delivery.waiting) return ["waiting", "none"];
  if (delivery.error) return ["no answer", "bad"];
  if (delivery.status) {
    const isGood = delivery.status >= 200 && delivery.status < 300;
    return [`${delivery.status} · ${delivery.milliseconds} ms`, isGood ? "good" : "bad"];
  }
  return [delivery.valid && !about.forward ? "received" : "not forwarded", "none"];
}

const kinds = {
  all: () => true,
  valid: (delivery) => delivery.valid,
  rejected: (delivery) => !delivery.valid,
  duplicate: (delivery) => delivery.duplicate_of !== null,
  failed: (delivery) => statusOf(delivery)[1] === "bad",
};

// ---- The list

function rowOf(delivery) {
  const row = element("button", `delivery ${delivery.valid ? "valid" : "rejected"}`);
  row.type = "button";
  row.dataset.number = delivery.number;
  row.append(element("span", "mark", delivery.valid ? "✓" : "✕"));
  row.append(element("span", "type", delivery.type ?? "(no type)"));
  const [status, quality] = statusOf(delivery);
  row.append(element("span", `status ${quality}`, status));
  const below = element("span", "below");
  below.append(element("span", "id", delivery.id ?? "(no id)"));
  if (!delivery.valid) below.append(element("span", "tag bad", delivery.code));
  const origin = originOf(delivery);
  if (origin) below.append(element("span", "tag own", origin));
  else if (delivery.duplicate_of !== null) {
    below.append(element("span", "tag", delivery.differs ? `other body than #${delivery.duplicate_of}` : `duplicate of #${delivery.duplicate_of}`));
  }
  row.append(below);
  row.append(element("span", "time", timeOf(delivery)));
  const verdict = delivery.valid ? "valid" : `rejected, ${delivery.code}`;
  row.setAttribute("aria-label", `#${delivery.number} ${delivery.type ?? "no type"}, ${verdict}, ${status}, ${timeOf(delivery)}`);
  if (delivery.number === selected) row.setAttribute("aria-current", "true");
  row.addEventListener("click", () => select(delivery.number));
  return row;
}

function put(delivery, isNew) {
  const known = deliveries.get(delivery.number);
  const row = rowOf(delivery);
  deliveries.set(delivery.number, { delivery, row });
  if (known) {
    const hadFocus = known.row === document.activeElement;
    known.row.parentElement.replaceWith(wrapped(row));
    if (hadFocus) row.focus();
  } else {
    if (isNew) row.classList.add("new");
    byId("deliveries").prepend(wrapped(row));
  }
}

function wrapped(row) {
  const item = element("li");
  item.append(row);
  return item;
}

function forget(oldest) {
  for (const [number, { row }] of deliveries) {
    if (number >= oldest) break;
    row.parentElement.remove();
    deliveries.delete(number);
  }
}

function filter() {
  const kind = document.querySelector("input[name=kind]:checked").value;
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const counts = {};
  for (const name of Object.keys(kinds)) counts[name] = 0;
  let visible = 0;
  for (const { delivery, row } of deliveries.values()) {
    const texts = [`#${delivery.number}`, delivery.type, delivery.id, delivery.code, statusOf(delivery)[0], originOf(delivery)];
    const text = texts.filter(Boolean).join(" ").toLowerCase();
    const matches = words.every((word) => text.includes(word));
    for (const [name, is] of Object.entries(kinds)) if (matches && is(delivery)) counts[name] += 1;
    row.parentElement.hidden = !(matches && kinds[kind](delivery));
    if (!row.parentElement.hidden) visible += 1;
  }
  for (const [name, count] of Object.entries(counts)) {
    document.querySelector(`[data-count=${name}]`).textContent = count;
  }
  byId("empty").hidden = deliveries.size > 0;
  byId("no-match").hidden = deliveries.size === 0 || visible > 0;
}

let filterTimer = null;
function filterSoon() {
  filterTimer ??= requestAnimationFrame(() => { filterTimer = null; filter(); });
}

// ---- Selection

function select(number) {
  const isOther = number !== selected;
  deliveries.get(selected)?.row.removeAttribute("aria-current");
  selected = number;
  document.body.classList.toggle("selected", number !== null);
  const row = deliveries.get(number)?.row;
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
  history.replaceState(null, "", number === null ? "#" : `#${number}`);
  if (number === null) {
    shown = null;
    byId("article").hidden = true;
    byId("nothing").hidden = false;
  } else {
    load(number, isOther);
  }
}

function move(step) {
  const rows = [...document.querySelectorAll("li:not([hidden]) > .delivery")];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => Number(row.dataset.number) === selected);
  const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1);
  rows[next].focus();
  select(Number(rows[next].dataset.number));
}

async function load(number, isOther) {
  const response = await fetch(`deliveries/${number}`);
  if (number !== selected) return;
  if (!response.ok) {
    toast(`#${number} is not kept any more.`);
    return;
  }
  const detail = await response.json();
  if (number !== selected) return;
  shown = detail;
  show(detail);
  if (isOther) byId("detail").scrollTop = 0;
}

// ---- The detail

function show(detail) {
  byId("nothing").hidden = true;
  byId("article").hidden = false;
  byId("type").textContent = detail.type ?? "(no type)";
  byId("id").textContent = detail.id ?? "(no id)";
  const facts = [`#${detail.number}`, new Date(detail.received_at).toLocaleString([], { dateStyle: "medium", timeStyle: "medium", hour12: false }), `${detail.method} ${detail.target}`, originOf(detail)];
  byId("facts").replaceChildren(...facts.filter(Boolean).map((fact) => element("li", "", fact)));
  showVerdict(detail);
  showAnswer(detail);
  byId("size").textContent = sizeOf(detail.size);
  showBody();
  showHeaders(byId("headers"), detail.headers);
  byId("fixture").href = `deliveries/${detail.number}/fixture`;
  const canSign = about.can_sign && detail.id !== null;
  byId("sign").disabled = !canSign;
  byId("edit").disabled = !canSign || detail.body.text === undefined;
}

function showVerdict(detail) {
  const { remarks = [], findings = [], suspicions = [] } = detail.explanation ?? {};
  const isDuplicate = detail.duplicate_of !== null;
  byId("verdict").className = `verdict ${detail.valid ? (isDuplicate ? "duplicate" : "valid") : "rejected"}`;
  let title = "Valid";
  let text = "The signature is valid, and the timestamp is new enough.";
  if (!detail.valid) {
    title = `Rejected: ${detail.code}`;
    text = sentence(detail.message);
    text = [text, ...remarks].join(" ");
  } else if (isDuplicate && detail.differs) {
    title = `Valid, but #${detail.duplicate_of} has the same id and another body`;
    text = "A receiver that knows the id would take this for a duplicate, and never see its body.";
  } else if (isDuplicate) {
    title = `Valid, and a duplicate of #${detail.duplicate_of}`;
    text = "The id is the same: it is a retry, or the same event once more. An application has to process it once.";
  }
  byId("verdict-title").textContent = title;
  byId("verdict-text").textContent = text;
  const notes = [...findings.map((note) => [note, ""]), ...suspicions.map((note) => [note, "Suspicious: "])];
  byId("notes").replaceChildren(...notes.map(([note, lead]) => {
    const item = element("li");
    item.append(element("strong", "", lead + note.text));
    item.append(element("span", "", note.advice));
    return item;
  }));
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}

function showAnswer(detail) {
  const [status, quality] = statusOf(detail);
  byId("answer-status").textContent = status;
  byId("answer-status").className = `status ${quality}`;
  let text = "";
  if (detail.error) text = sentence(detail.error);
  else if (detail.waiting) text = "The application has not answered yet.";
  else if (!detail.answer && !about.forward) text = "No application was named with --forward, so the sender was answered with the verdict alone.";
  else if (!detail.answer) text = "A rejected delivery does not reach the application, unless you send it again.";
  else if (detail.answer.size === 0) text = "The answer has no body.";
  byId("answer-text").textContent = text;
  byId("answer-head").hidden = !detail.answer;
  byId("answer-body").replaceChildren();
  if (detail.answer) {
    showHeaders(byId("answer-headers"), detail.answer.headers);
    const kept = bytesOf(detail.answer.body).length;
    fill(byId("answer-body"), detail.answer.body, "json");
    if (kept < detail.answer.size) byId("answer-text").textContent = `The first ${sizeOf(kept)} of ${sizeOf(detail.answer.size)} are kept.`;
  }
}

function showHeaders(list, headers) {
  list.replaceChildren(...headers.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
}

function showBody() {
  const body = byId("body");
  const isJson = shown.body.text !== undefined && isValidJson(shown.body.text);
  for (const tab of document.querySelectorAll("[data-view]")) {
    const wanted = tab.dataset.view;
    tab.disabled = (wanted === "json" && !isJson) || (wanted === "text" && shown.body.text === undefined);
  }
  let as = view;
  if (as === "json" && !isJson) as = "text";
  if (as === "text" && shown.body.text === undefined) as = "hex";
  for (const tab of document.querySelectorAll("[data-view]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.view === as));
  }
  fill(body, shown.body, as);
}

function fill(pre, body, as) {
  pre.classList.toggle("hex", as === "hex" || body.text === undefined);
  if (as === "hex" || body.text === undefined) {
    pre.textContent = hex(bytesOf(body));
  } else if (as === "json" && isValidJson(body.text)) {
    pre.replaceChildren(...coloured(body.text));
  } else {
    pre.textContent = body.text;
  }
}

function bytesOf(body) {
  if (body.text !== undefined) return new TextEncoder().encode(body.text);
  return Uint8Array.from(atob(body.base64), (character) => character.charCodeAt(0));
}

function isValidJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// Formats JSON with line breaks and indentation. Tokens do not change: numbers keep their digits, and strings their
// escapes.
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
const LONGEST_COLOURED = 512 * 1024;

function coloured(text) {
  if (text.length > LONGEST_COLOURED) return [text];
  const parts = [];
  let depth = 0;
  let line = "";
  const newLine = () => { line += `\n${"  ".repeat(Math.min(depth, 100))}`; };
  const span = (className, token) => {
    if (line) parts.push(line);
    line = "";
    parts.push(element("span", className, token));
  };
  const tokens = text.match(TOKEN) ?? [];
  tokens.forEach((token, index) => {
    const next = tokens[index + 1];
    const previous = tokens[index - 1];
    if (token === "{" || token === "[") {
      line += token;
      depth += 1;
      if (next !== "}" && next !== "]") newLine();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      if (previous !== "{" && previous !== "[") newLine();
      line += token;
    } else if (token === ",") {
      line += token;
      newLine();
    } else if (token === ":") {
      line += ": ";
    } else if (token.startsWith('"')) {
      span(next === ":" ? "key" : "string", token);
    } else {
      span(/^[-\d]/.test(token) ? "number" : "word", token);
    }
  });
  if (line) parts.push(line);
  return parts;
}

function hex(bytes) {
  const most = 64 * 1024;
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, most); at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const numbers = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const left = numbers.slice(0, 8).join(" ").padEnd(23);
    const right = numbers.slice(8).join(" ").padEnd(23);
    const text = row.map((byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${left}  ${right}  ${text}`);
  }
  if (bytes.length > most) lines.push(`… and ${sizeOf(bytes.length - most)} more`);
  return lines.join("\n");
}

// ---- Buttons

async function send(order) {
  const from = selected;
  try {
    const response = await fetch(`deliveries/${from}/send`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-webhook-token": token },
      body: JSON.stringify(order),
    });
    if (!response.ok) {
      toast(sentence(await response.text()));
      return false;
    }
    const { number } = await response.json();
    toast(`Sent as #${number}.`);
    if (selected === from) select(number);
    return true;
  } catch {
    toast("webhook listen does not answer: is it still running?");
    return false;
  }
}

async function copyCurl() {
  const response = await fetch(`deliveries/${selected}/curl`);
  const command = await response.text();
  try {
    await navigator.clipboard.writeText(command);
    toast("Copied. It sends the same bytes with the same signature.");
  } catch {
    toast("The browser does not let this page copy.");
  }
}

function openEditor() {
  byId("editor-id").value = shown.id;
  byId("editor-body").value = shown.body.text;
  byId("editor").showModal();
  byId("editor-body").focus();
}

function newId() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return `msg_${[...random].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

byId("sign").addEventListener("click", () => send({ how: "signed_anew" }));
byId("again").addEventListener("click", () => send({ how: "as_it_is" }));
byId("curl").addEventListener("click", copyCurl);
byId("edit").addEventListener("click", openEditor);
byId("back").addEventListener("click", () => select(null));
byId("editor-new").addEventListener("click", () => { byId("editor-id").value = newId(); });
byId("editor-cancel").addEventListener("click", () => byId("editor").close());
byId("editor-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const order = { how: "edited", id: byId("editor-id").value.trim(), body: byId("editor-body").value };
  if (await send(order)) byId("editor").close();
});

for (const tab of document.querySelectorAll("[data-view]")) {
  tab.addEventListener("click", () => {
    view = tab.dataset.view;
    showBody();
  });
}

byId("filters").addEventListener("input", filter);
byId("filters").addEventListener("submit", (event) => event.preventDefault());

// ---- Keys

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("editor").open) return;
  const isTyping = event.target.matches("input[type=search], textarea");
  if (event.key === "Escape") {
    if (isTyping) {
      byId("search").value = "";
      byId("search").blur();
      filter();
    } else {
      select(null);
    }
    return;
  }
  if (isTyping) return;
  const press = (id) => { if (shown && !byId(id).disabled) byId(id).click(); };
  const inTabs = event.target.matches("input[type=radio], pre");
  const actions = {
    j: () => move(1),
    k: () => move(-1),
    "/": () => byId("search").focus(),
    s: () => press("sign"),
    r: () => press("again"),
    e: () => press("edit"),
    c: () => press("curl"),
  };
  if (!inTabs) {
    actions.ArrowDown = () => move(1);
    actions.ArrowUp = () => move(-1);
  }
  if (Object.hasOwn(actions, event.key)) {
    event.preventDefault();
    actions[event.key]();
  }
});

// ---- Events from the server

function connection(state, text) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = text;
}

const events = new EventSource("events");

events.addEventListener("open", () => connection("open", "live"));
events.addEventListener("error", () => connection("closed", "webhook listen does not answer"));

events.addEventListener("all", (event) => {
  const all = JSON.parse(event.data);
  about = all.about;
  byId("listening").textContent = about.listening;
  byId("forward").textContent = about.forward ?? "";
  byId("arrow").hidden = !about.forward;
  byId("empty-address").textContent = about.listening;
  const secret = about.is_secret_new ? " --secret …" : "";
  byId("empty-command").textContent = `webhook send --url ${about.listening}/${secret}`;
  byId("empty-secret").hidden = !about.is_secret_new;
  deliveries.clear();
  byId("deliveries").replaceChildren();
  for (const delivery of all.deliveries) put(delivery, false);
  filter();
  const wanted = selected ?? Number(location.hash.slice(1));
  if (deliveries.has(wanted)) select(wanted);
});

events.addEventListener("delivery", (event) => {
  const { oldest, delivery } = JSON.parse(event.data);
  forget(oldest);
  put(delivery, true);
  filterSoon();
  if (delivery.number === selected) load(selected, false);
});
