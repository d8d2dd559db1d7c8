"use strict";
// All texts reach the page as text nodes and all addresses as checked attributes: they come from strangers.
const data = JSON.parse(document.getElementById("data").textContent);
const PER_PAGE = 24, STRIP = 6, COPIES = 5;
const find = (id) => document.getElementById(id);
const state = { tab: "seen", page: 0, cards: [] };

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== "" && child !== undefined));
  return element;
}

function clock(seconds) {
  const whole = Math.floor(seconds), rest = (n) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${rest(Math.floor(whole / 60) % 60)}:${rest(whole % 60)}`;
}

function link(address, text) {
  return /^https?:\/\//i.test(address || "") ? make("a", { href: address, rel: "noreferrer noopener" }, text) : text;
}

for (const card of [...data.seen, ...data.almost]) {
  const labels = new Set(card.detections.filter((one) => !one.ambiguous).map((one) => one.label));
  card.labels = labels;
  card.both_in_frame = card.detections.some((one) => one.both_in_frame);
  const clear = {};
  for (const one of card.detections) if (!one.ambiguous) (clear[one.sha256] ??= new Set()).add(one.label);
  card.both = Object.values(clear).some((seen) => seen.size === data.labels.length);
  card.ambiguous = card.detections.some((one) => one.ambiguous);
  card.posted = card.files.map((file) => file.posted_at).filter(Boolean).sort();
  card.text = card.files.flatMap((file) => [file.file, file.author, file.forwarded_from, file.post_text, file.source_url])
    .concat(card.detections.map((one) => one.id)).filter(Boolean).join("\n").toLowerCase();
}

const platforms = new Set([...data.seen, ...data.almost].flatMap((card) => card.files.map((file) => file.platform)).filter(Boolean));
for (const name of [...platforms].sort()) find("platform").append(make("option", { value: name }, name));

function matches(card) {
  const show = find("show").value, least = Number(find("confidence").value);
  const wanted = (one) => one.confidence >= least && (!show.startsWith("label:") || (one.label === show.slice(6) && !one.ambiguous));
  if (!card.detections.some(wanted)) return false;
  if (["both_in_frame", "both", "ambiguous"].includes(show) && !card[show]) return false;
  const from = find("from").value, to = find("to").value;
  if ((from || to) && !card.posted.some((at) => (!from || at.slice(0, 10) >= from) && (!to || at.slice(0, 10) <= to))) return false;
  for (const name of ["kind", "status", "platform"]) {
    const value = find(name).value;
    if (value && !card.files.some((file) => file[name] === value)) return false;
  }
  return card.text.includes(find("text").value.toLowerCase());
}

const orders = {
  confidence: (a, b) => b.detections[0].confidence - a.detections[0].confidence,
  copies: (a, b) => b.files.length - a.files.length,
  posted: (a, b) => (a.posted[0] || "~") < (b.posted[0] || "~") ? -1 : 1,
  file: (a, b) => a.files[0].file < b.files[0].file ? -1 : 1,
};

function draw() {
  find("confidence-value").value = Number(find("confidence").value).toFixed(2);
  const order = orders[find("order").value];
  state.cards = data[state.tab].filter(matches);
  if (order) state.cards.sort(order);
  const pages = Math.max(1, Math.ceil(state.cards.length / PER_PAGE));
  state.page = Math.min(state.page, pages - 1);
  const shown = state.cards.slice(state.page * PER_PAGE, (state.page + 1) * PER_PAGE);
  find("cards").replaceChildren(...shown.map(drawCard));
  const files = state.cards.reduce((sum, card) => sum + card.files.length, 0);
  find("count").textContent = `${state.cards.length} pictures and clips in ${files} files`;
  find("page").textContent = `Page ${state.page + 1} of ${pages}`;
  find("previous").disabled = state.page === 0;
  find("next").disabled = state.page === pages - 1;
}

function drawCard(card) {
  const best = card.detections[0], first = card.files[0];
  const names = [...card.labels].sort().join(" and ") || "ambiguous";
  const frame = make("a", { class: "frame", href: best.annotated },
    make("img", { src: best.annotated, loading: "lazy", alt: `${first.file} with ${names} marked` }));
  const badges = make("div", { class: "badges" });
  if (card.both_in_frame) badges.append(make("span", { class: "badge mark" }, "both in one picture"));
  else if (card.both) badges.append(make("span", { class: "badge mark" }, "both in one file"));
  if (card.ambiguous) badges.append(make("span", { class: "badge mark" }, "ambiguous"));
  if (card.files.some((file) => file.status === "failed")) badges.append(make("span", { class: "badge mark" }, "read in part only"));
  if (card.files.length > 1) badges.append(make("span", { class: "badge" }, `${card.files.length} copies`));
  const strip = make("div", { class: "strip" }, ...card.detections.slice(0, STRIP).map(drawCrop));
  const article = make("article", { id: `cluster-${card.cluster}` },
    make("h3", {}, `${names} ${best.confidence.toFixed(2)}`), badges, frame, strip);
  if (card.detections.length > STRIP) article.append(make("p", {}, `${card.detections.length - STRIP} more, see detections.csv`));
  if (card.events.length) {
    article.append(make("p", {}, "Seen at " + card.events.slice(0, STRIP).map((one) =>
      `${clock(one.start_seconds)}–${clock(one.end_seconds)} ${one.label}`).join(", ") + (card.events.length > STRIP ? " …" : "")));
  }
  article.append(drawFiles(card.files));
  return article;
}

function drawCrop(one) {
  const label = one.ambiguous ? `ambiguous: ${one.label} or ${one.rival_label}` : one.label;
  const time = one.time_seconds ? ` at ${clock(one.time_seconds)}` : "";
  return make("figure", { id: `row-${one.id}` },
    make("a", { href: one.annotated }, make("img", { src: one.crop, loading: "lazy", alt: `${label}${time}` })),
    make("figcaption", {}, `${label} ${one.confidence.toFixed(2)}${time} `, drawVerdict(one),
      make("a", { href: "detections.csv", title: "row of this detection in detections.csv" }, one.id)));
}

function drawVerdict(one) {
  if (!one.verdict) return "";
  const label = one.verdict_label && one.verdict_label !== one.label ? `: ${one.verdict_label}` : "";
  return make("strong", {}, `${one.verdict.replaceAll("_", " ")}${label} (${one.reviewer}) `);
}

function drawFiles(files) {
  const rows = files.map((file) => {
    const facts = [file.posted_at, file.platform, file.author, file.forwarded_from && `forwarded from ${file.forwarded_from}`, file.captured_at && `captured ${file.captured_at}`].filter(Boolean).join(" · ");
    const row = make("li", {}, link(file.source_url, file.file), facts && ` — ${facts}`);
    if (file.disputed) row.append(make("strong", {}, " — sources disagree, see files.csv"));
    else if (file.post_warning) row.append(` — ${file.post_warning}`);
    if (file.post_text) row.append(make("blockquote", {}, file.post_text));
    return row;
  });
  const list = make("ul", {}, ...rows.slice(0, COPIES));
  if (rows.length <= COPIES) return list;
  return make("div", {}, list, make("details", {}, make("summary", {}, `${rows.length - COPIES} more copies`), make("ul", {}, ...rows.slice(COPIES))));
}

function choose(tab) {
  state.tab = tab;
  state.page = 0;
  for (const name of ["seen", "almost"]) {
    const chosen = name === tab;
    find(`tab-${name}`).setAttribute("aria-selected", String(chosen));
    find(`tab-${name}`).tabIndex = chosen ? 0 : -1;
  }
  find("cards").setAttribute("aria-labelledby", `tab-${tab}`);
  find("almost-note").hidden = tab !== "almost";
  draw();
}

for (const name of ["seen", "almost"]) {
  find(`tab-${name}`).addEventListener("click", () => choose(name));
  find(`tab-${name}`).addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    choose(name === "seen" ? "almost" : "seen");
    find(`tab-${state.tab}`).focus();
  });
}
function turn(step) {
  state.page += step;
  draw();
  find("gallery").scrollIntoView();
  find("gallery").focus({ preventScroll: true });
}
find("previous").addEventListener("click", () => turn(-1));
find("next").addEventListener("click", () => turn(1));
find("filters").addEventListener("input", () => { state.page = 0; draw(); });
find("filters").addEventListener("submit", (event) => event.preventDefault());
find("filters").addEventListener("reset", () => setTimeout(() => { state.page = 0; draw(); }));
draw();
