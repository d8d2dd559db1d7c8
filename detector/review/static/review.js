// One item at a time: the way through a queue, and what is decided on it.
import { ask, tell, watchSaving } from "./api.js";
import { drawnBox, fetchAhead, make, moveDraft, setZoom, showCrop, showPicture, startDrawing, stopDrawing, zoomBy } from "./stage.js";
import "./tabs.js";
import { WORDS, clock, describeItem } from "./words.js";

const AHEAD = 8, BEHIND = 3, WINDOW = 24, SETTLE_MS = 250;
const find = (id) => document.getElementById(id);
const noteKey = (item) => `note ${item.id}`; // of one that has no verdict to go with yet
const state = { queue: "", ids: [], done: new Set(), index: 0, visiting: "", item: null, marks: true, wanted: "", seen: "", offer: null, faces: false, from: new Map() };
const items = new Map();

// Items

async function load(ids) {
  const wanted = [...new Set(ids)].filter((id) => id && !items.has(id));
  if (!wanted.length) return;
  const fetched = ask("items", { ids: wanted.join(","), queue: state.queue });
  for (const id of wanted) items.set(id, fetched.then((all) => all.find((one) => one.id === id)));
  fetched.catch(() => wanted.forEach((id) => items.delete(id)));
  await fetched;
}

async function refresh(ids) {
  const known = ids.filter((id) => items.has(id));
  known.forEach((id) => items.delete(id));
  const { item } = state;
  await load(known);
  if (item && state.item === item && known.includes(item.id)) {
    state.item = await items.get(item.id);
    if (state.item) describe();
  }
}

const sameFrame = (item) => [item.id, ...item.in_frame, item.frame];

function picture(item) { return state.faces ? item.unblurred : state.marks ? item.picture : item.original; }

// The address names the queue, what is searched in it, and the item.
function address(at = "") {
  const told = new URLSearchParams({ queue: state.queue });
  if (find("search").value) told.set("text", find("search").value);
  if (at) told.set("at", at);
  return `?${told}`;
}

async function prepare() {
  const { ids, index } = state;
  await load(ids.slice(Math.max(0, index - BEHIND), index + WINDOW));
  const near = [...ids.slice(index + 1, index + 1 + AHEAD), ...ids.slice(Math.max(0, index - BEHIND), index)];
  for (const id of near) {
    const item = await items.get(id);
    if (!item) continue;
    fetchAhead(item.crop);
    fetchAhead(picture(item));
  }
}

async function openQueue(name, at = "", { keep = false } = {}) {
  const { ids, done, position } = await ask("queue", { queue: name, text: find("search").value });
  Object.assign(state, { queue: name, ids, done: new Set(done), visiting: "" });
  items.clear();
  find("queue").value = name;
  if (keep) history.pushState(null, "", address());
  const wanted = at || position;
  const open = ids.findIndex((id) => !state.done.has(id));
  state.index = Math.max(0, ids.includes(wanted) ? ids.indexOf(wanted) : open);
  find("empty").hidden = ids.length > 0 || Boolean(at);
  find("work").hidden = !ids.length && !at;
  if (at && !ids.includes(at)) await show(at);
  else if (ids.length) await show(ids[state.index]);
  else find("place").textContent = "";
}

async function show(id) {
  state.visiting = state.ids[state.index] === id ? "" : id;
  state.wanted = document.body.dataset.wanted = id;
  await load([id]);
  const item = await items.get(id);
  if (!item || state.wanted !== id) return;
  if (find("drawing").hidden === false) endDrawing();
  state.item = item;
  history.replaceState(null, "", address(id));
  describe();
  await draw();
  prepare();
  if (!state.visiting) keepPosition();
}

let positionTimer = 0, position = null;
function tellPosition() {
  clearTimeout(positionTimer);
  if (position) tell("position", position, { quiet: true }).catch(() => {});
  position = null;
}

function keepPosition() {
  clearTimeout(positionTimer);
  position = { queue: state.queue, item: state.ids[state.index] };
  positionTimer = setTimeout(tellPosition, SETTLE_MS);
}
addEventListener("pagehide", tellPosition);

// What is seen

async function draw() {
  const { item } = state;
  showCrop(item);
  const there = await showPicture(item, picture(item));
  if (state.item?.id !== item.id) return;
  find("trouble").hidden = there;
  if (!there) find("trouble").textContent = await reason(picture(item));
  state.seen = there || item.crop ? item.id : "";
  requestAnimationFrame(() => { document.body.dataset.shown = item.id; });
}

async function reason(address) {
  const response = await fetch(address).catch(() => null);
  const text = response && !response.ok ? await response.text() : "the review does not answer";
  return `This picture cannot be shown: ${text.trim()}`;
}

function describe() {
  find("place").textContent = state.visiting ? "beside the queue" : `${state.index + 1} of ${state.ids.length}, ${state.done.size} done${state.ids.every((id) => state.done.has(id)) ? ": all of this queue" : ""}`;
  announce();
  describeItem(state.item, { show, undo, draft: sessionStorage.getItem(noteKey(state.item)) });
}

// For who hears the page: what is looked at now, and what was said of it.
function announce() {
  const { item } = state;
  const mine = item.mine ? `, you: ${WORDS[item.mine.verdict]}` : "";
  find("aloud").textContent = `${find("place").textContent}: ${item.label ? `${item.label} ${item.confidence.toFixed(2)}` : "no flag shown"}, ${item.files[0].name}${mine}`;
}

// What is decided

watchSaving((waiting, trouble) => {
  const text = trouble || (waiting ? "saving" : "saved");
  find("saved").textContent = text;
});

function toNextOpen() {
  const { ids, index, done } = state;
  for (let step = 1; step <= ids.length; step += 1) {
    const at = (index + step) % ids.length;
    if (!done.has(ids[at])) return goTo(at);
  }
  describe();
  return Promise.resolve();
}

function goTo(index) {
  if (index < 0 || index >= state.ids.length) return Promise.resolve();
  state.index = index;
  return show(state.ids[index]);
}

function decide(verdict, note = find("note").value) {
  const { item } = state;
  if (item.kind !== "detection" || verdict === "other_flag" && !item.other_label || !isSeen()) return;
  item.mine = { verdict, note, label: verdict === "confirmed" ? item.label : item.other_label };
  state.done.add(item.id);
  sessionStorage.removeItem(noteKey(item));
  offerSame(item, verdict, note);
  state.from.set(item.id, item.id);
  const settles = find("settles").checked;
  find("settles").checked = false;
  if (settles) item.disputed = false;
  tell("verdicts", { verdict, ids: [item.id], note, settles }).catch(() => { state.done.delete(item.id); items.delete(item.id); })
    .then(() => refresh(sameFrame(item)));
  if (state.visiting) describe();
  else toNextOpen();
}

function offerSame(item, verdict, note) {
  const ids = [...new Set([...item.alike, ...(item.event?.others || [])])].filter((id) => !state.done.has(id));
  state.offer = ids.length ? { ids, verdict, note, of: item } : null;
  find("offer").hidden = !ids.length;
  if (!ids.length) return;
  const event = item.event?.others.length ? `in this appearance of ${item.event.label}` : "";
  const alike = item.alike.length ? "that look the same" : "";
  find("offer-text").textContent = `${WORDS[verdict]}, and ${ids.length} more ${[alike, event].filter(Boolean).join(" or ")}?`;
}

async function lookAtSame() {
  if (!state.offer) return;
  const { ids, verdict } = state.offer;
  const cards = await ask("items", { ids: ids.join(","), small: "1" });
  find("others-title").textContent = `Also ${WORDS[verdict]}?`;
  find("others-list").replaceChildren(make("div", { class: "few" }, ...cards.map((card) => make("label", { class: "card" },
    make("input", { type: "checkbox", value: card.id, checked: "" }), make("img", { src: card.crop, alt: `${card.label} in ${card.file}` }),
    make("span", {}, `${card.label} ${card.confidence.toFixed(2)} ${card.kind === "video" ? clock(card.time_seconds) : card.file}`)))));
  find("others").showModal();
  find("apply").focus();
}

// Not on "close", which comes later: a key pressed meanwhile would overtake it.
find("others").addEventListener("submit", (event) => {
  if (event.submitter?.value !== "apply" || !state.offer) return;
  const { verdict, note, of } = state.offer;
  const ids = [...find("others-list").querySelectorAll("input:checked")].map((box) => box.value);
  state.offer = null;
  find("offer").hidden = true;
  if (!ids.length) return;
  ids.forEach((id) => { state.done.add(id); state.from.set(id, of.id); });
  tell("verdicts", { verdict, ids, note }).catch(() => ids.forEach((id) => state.done.delete(id))).then(() => refresh(ids));
  if (state.item && state.done.has(state.item.id) && !state.visiting) toNextOpen();
  else describe();
});

// Nothing is decided on what is not on the screen yet, however quick the fingers.
function isSeen() {
  const seen = state.item.id === state.wanted && state.item.id === state.seen;
  if (!seen) find("saved").textContent = "The picture is not there yet";
  return seen;
}

function markNothingElse() {
  const { item } = state;
  if (!isSeen()) return;
  item.checked = true;
  tell("verdicts", { verdict: "nothing_else", frame: item.frame, note: item.kind === "frame" ? find("note").value : "" })
    .catch(() => {}).then(() => refresh(sameFrame(item)));
  if (item.kind === "frame") {
    state.done.add(item.id);
    if (!state.visiting) { toNextOpen(); return; }
  }
  describe();
}

function beginDrawing() {
  if (!isSeen()) return;
  find("drawing").hidden = false;
  find("draw").setAttribute("aria-pressed", "true");
  startDrawing();
  find("frame").focus({ preventScroll: true });
}

function endDrawing() {
  find("drawing").hidden = true;
  find("draw").setAttribute("aria-pressed", "false");
  stopDrawing();
}

function keepBox(label) {
  const { item } = state;
  const box = drawnBox();
  endDrawing();
  if (item.kind === "frame") state.done.add(item.id);
  tell("verdicts", { verdict: "missed", frame: item.frame, label, box, note: "" })
    .catch(() => {}).then(async () => { await refresh(sameFrame(item)); if (state.item.frame === item.frame) await draw(); });
}

async function undo(number = 0) {
  const { ids, verdicts } = await tell("undo", { number }).catch(() => ({ ids: [], verdicts: [] }));
  if (!ids.length) { find("saved").textContent = "There is nothing to undo"; return; }
  ids.forEach((id) => { state.done.delete(id); });
  state.offer = null;
  find("offer").hidden = true;
  [...items.keys()].forEach((id) => items.delete(id));
  const id = state.from.get(ids[0]) ?? ids[0]; // where it was decided
  const here = state.item && (id === state.item.id || id === state.item.frame);
  const at = state.ids.indexOf(id);
  if (at >= 0) await goTo(at);
  else await show(here || !id ? state.item.id : id);
  find("saved").textContent = `Taken back: ${WORDS[verdicts[0]]}${ids.length > 1 ? `, ${ids.length} times` : ""}`;
}

async function writeTables() {
  find("saved").textContent = "writing the tables";
  const done = await tell("tables", {}).then(() => "The tables are written", (error) => error.message);
  find("saved").textContent = done;
}

function keepNote() {
  const { item } = state;
  const note = find("note").value.trim();
  if (item.mine && item.mine.note !== note) {
    item.mine.note = note;
    sessionStorage.removeItem(noteKey(item));
    tell("verdicts", { verdict: item.mine.verdict, ids: [item.id], note }).catch(() => {}).then(() => refresh([item.id]));
  } else if (!item.mine) sessionStorage.setItem(noteKey(item), note);
}

// Keys, mouse and touch

const actions = {
  c: () => decide("confirmed"), x: () => decide("rejected"), o: () => decide("other_flag"), a: () => decide("another_flag"), t: () => decide("cannot_tell"),
  u: () => undo(), ArrowRight: () => goTo(state.visiting ? state.index : state.index + 1), ArrowLeft: () => goTo(state.visiting ? state.index : state.index - 1),
  n: () => find("note").focus(), s: lookAtSame, b: () => (find("drawing").hidden ? beginDrawing() : endDrawing()), e: markNothingElse,
  ",": () => state.item.before && show(state.item.before), ".": () => state.item.after && show(state.item.after),
  "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: () => setZoom(1),
  m: () => { state.marks = !state.marks; find("marks").setAttribute("aria-pressed", String(!state.marks)); return draw(); },
  r: () => { find("reference").open = !find("reference").open; find("reference").scrollIntoView({ block: "nearest" }); },
  g: () => { location.href = `grid?queue=${encodeURIComponent(state.queue)}`; }, "?": () => find("keys").showModal(),
};
Object.assign(actions, { j: actions.ArrowRight, k: actions.ArrowLeft, "[": actions[","], "]": actions["."] });
const buttons = { undo: "u", next: "ArrowRight", previous: "ArrowLeft", same: "s", draw: "b", nothing: "e", before: ",", after: ".", in: "+", out: "-", marks: "m", help: "?" };
const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.target.matches("textarea, select, input:not([type=checkbox])")) return;
  const undoing = (event.ctrlKey || event.metaKey) && event.key === "z";
  if (!undoing && (event.ctrlKey || event.metaKey || event.altKey)) return;
  if (!undoing && event.key.length === 1 && event.key !== "?" && !find("single").checked) return;
  if (event.key.toLowerCase() === "h" && state.item) { event.preventDefault(); showFaces(true); return; }
  if (!find("drawing").hidden) {
    const choice = find("drawing").querySelectorAll("[data-label]")[Number(event.key) - 1];
    if (event.key in arrows) moveDraft(...arrows[event.key], event.shiftKey);
    else if (choice) keepBox(choice.dataset.label);
    else if (event.key === "Escape" || event.key === "b") endDrawing();
    else return;
    event.preventDefault();
    return;
  }
  const action = undoing ? actions.u : actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || event.repeat && !event.key.startsWith("Arrow") || !state.item && event.key !== "?") return;
  event.preventDefault();
  action();
});
// The original with its faces, for as long as it is held: nothing of it is kept.
function showFaces(wanted) {
  if (state.faces === wanted || !state.item) return;
  state.faces = wanted;
  draw();
}
addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "h") showFaces(false); });
addEventListener("blur", () => showFaces(false));
find("faces").addEventListener("pointerdown", () => showFaces(true));
for (const name of ["pointerup", "pointerleave", "pointercancel"]) find("faces").addEventListener(name, () => showFaces(false));
find("single").checked = localStorage.getItem("single keys") !== "off";
find("single").addEventListener("change", () => localStorage.setItem("single keys", find("single").checked ? "on" : "off"));

for (const [id, key] of Object.entries(buttons)) find(id).addEventListener("click", () => actions[key]());
for (const button of document.querySelectorAll("[data-verdict]")) button.addEventListener("click", () => decide(button.dataset.verdict));
for (const button of document.querySelectorAll("[data-label]")) button.addEventListener("click", () => keepBox(button.dataset.label));
find("cancel").addEventListener("click", endDrawing);
find("tables").addEventListener("click", writeTables);
find("queue").addEventListener("change", () => { openQueue(find("queue").value, "", { keep: true }); find("queue").blur(); });
find("search").addEventListener("change", () => { openQueue(state.queue, "", { keep: true }); find("search").blur(); });
find("note").addEventListener("input", () => { if (!state.item.mine) sessionStorage.setItem(noteKey(state.item), find("note").value); });
find("note").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey)) return;
  event.preventDefault();
  find("note").blur();
});
find("note").addEventListener("blur", keepNote);
function openAddress() {
  const told = new URLSearchParams(location.search);
  find("search").value = told.get("text") ?? "";
  return openQueue([...find("queue").options].some((one) => one.value === told.get("queue")) ? told.get("queue") : "uncertain", told.get("at") || "");
}
addEventListener("popstate", openAddress);
openAddress();
