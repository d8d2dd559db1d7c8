// One card for all copies of a picture: a picture that meets the filter, what each file shows, where copies differ.
const STRIP = 6, COPIES = 5, CONTACTS = 8, PARTS_NAMED = 3;

function drawCard(found) {
  const { card, matching } = found;
  const { content, keys, files } = matching[0];
  const shots = mainDetections(content, keys).map((main) => shotOf(content, main));
  const article = make("article", { id: `cluster-${card.cluster}` }, make("h3", {}, headingOf(content, keys, shots)), drawBadges(card, content, shots));
  if (shots.length) article.append(make("div", { class: `shots of-${shots.length}` }, ...shots.map((shot) => openable(drawShot(shot), shot, article))));
  else article.append(make("p", { class: "note" }, "This page has no picture of it; its rows are in detections.csv."));
  article.append(drawSeenBefore(card, content), drawDifference(card));
  const others = matching.flatMap((one) => candidates(one.content).filter(isAskedFor).map((main) => shotOf(one.content, main)));
  article.append(make("div", { class: "strip" }, ...others.slice(0, STRIP).map((shot) => drawCrop(shot, article, card))));
  if (others.length > STRIP) {
    article.append(make("details", {}, make("summary", {}, `${others.length - STRIP} more detections`), make("div", { class: "strip" }, ...others.slice(STRIP).map((shot) => drawCrop(shot, article, card)))));
  }
  for (const one of matching.slice(0, COPIES)) if (one.content.kind === "video") article.append(drawTimeline(one.content, card, article));
  article.append(drawFiles(card, matching));
  if (shots.length) article.append(make("p", {}, citeButton(content, files[0], shots[0].main)));
  return article;
}

// Whether a detection is of the flag that the filter asks for.
function isAskedFor(one) {
  const key = keyOf(view.show);
  if (key === "ambiguous") return isUnsure(one);
  return !data.labels.includes(key) || (labelOf(one) === key && !isUnsure(one));
}

function headingOf(content, keys, shots) {
  if (!shots.length) return keys.map((key) => data.names[key]).join(", ");
  const clear = [...new Set(shots.flatMap((shot) => shot.marks.filter((one) => candidates(content).includes(one) && !isUnsure(one)).map(labelOf)))].sort();
  const best = Math.max(...shots.map((shot) => shot.main.confidence));
  if (view.verdict === "rejected") return `rejected: ${both(clear)} ${best.toFixed(2)}`;
  if (!clear.length || view.show === "ambiguous") return wordsOf(shots[0].main);
  const drawn = shots[0].main.verdict === "missed" ? ", drawn by hand" : ` ${best.toFixed(2)}`;
  return `${view.tab === "almost" ? "almost " : ""}${both(clear)}${drawn}`;
}

function drawBadges(card, content, shots) {
  const badges = make("div", { class: "badges" });
  const add = (text, mark = true) => badges.append(make("span", { class: mark ? "badge mark" : "badge" }, text));
  const seen = new Set(shots.flatMap((shot) => shot.marks.filter((one) => one.claim && !one.unsure).map((one) => one.claim)));
  if (seen.size === data.labels.length && data.labels.length > 1) add(shots.length > 1 ? "both in one file" : "both in one picture");
  if (shots.some((shot) => isUnsure(shot.main))) add("ambiguous");
  const states = Object.entries(keysOf(content)).filter(([key]) => data.labels.includes(key)).map(([, [state]]) => state);
  if (states.includes("confirmed")) add("confirmed", false);
  if (states.includes("rejected")) add("rejected", false);
  if (content.status === "failed") add("read in part only");
  if (groupsOf(card).size > 1) add("copies differ");
  else if (card.contents.some((one) => one.part)) add("copies differ in part");
  const [known] = seenIn(card);
  const before = known ? beforeOf(known.files) : "";
  if (before === "certain") add(`seen before: ${spanBefore(known)} earlier`);
  if (before === "possible") add("perhaps seen before");
  const copies = card.contents.reduce((sum, one) => sum + one.files.length, 0);
  if (copies > 1) add(`${count(copies)} copies`, false);
  return badges;
}

function openable(layer, shot, article) {
  const opener = button("", () => openLightbox(shot, article), { class: "frame", "aria-label": `Enlarge ${altOf(shot)}` });
  opener.append(layer);
  opener.shot = shot;
  return opener;
}

// A crop, which file it is from, and its id to copy.
function drawCrop(shot, article, card) {
  const one = shot.main;
  const time = one.at ? ` at ${clock(one.at)}` : "";
  const opener = button("", () => openLightbox(shot, article), { class: "crop", "aria-label": `Enlarge ${wordsOf(one)}${time}` });
  opener.append(one.crop ? make("img", { src: one.crop, loading: "lazy", alt: "" }) : drawCut(one));
  opener.shot = shot;
  const caption = make("figcaption", {}, `${wordsOf(one)}${time} `);
  if (one.verdict) caption.append(make("strong", {}, `${verdictWords(one)} `));
  if (card.contents.length > 1) caption.append(`in ${shot.content.files[0].file} `);
  caption.append(button(shortId(one.id), (element) => copy(one.id, element), { class: "id", title: "Copy this id, which detections.csv names" }));
  return make("figure", { id: `row-${one.id}` }, opener, caption);
}

// A crop of a box without one on disk, out of the picture without marks.
function drawCut(one) {
  if (!one.plain) return make("span", { class: "note" }, "no picture");
  const [left, top, width, height] = one.box, [across, down] = one.size;
  return draw("svg", { viewBox: [left * across, top * down, width * across, height * down].join(" "), "aria-hidden": "true" },
    draw("image", { href: one.plain, width: across, height: down }));
}

// Files

function drawFiles(card, matching) {
  const rows = [], rest = [];
  for (const content of card.contents) {
    const files = new Set(matching.find((one) => one.content === content)?.files ?? []);
    for (const file of content.files) (files.has(file) ? rows : rest).push({ content, file });
  }
  const order = (a, b) => byText(latest(a.file.posted_at), latest(b.file.posted_at)) || byText(a.file.file, b.file.file);
  const list = make("div", {}, drawRows(rows.sort(order), card, "more file"));
  if (rest.length) {
    list.append(make("details", {}, make("summary", {}, `${plural(rest.length, "copy that does", "copies that do")} not meet the filter`), drawRows(rest.sort(order), card, "more file")));
  }
  return list;
}

function drawRows(rows, card, more) {
  const list = make("ol", { class: "files" }, ...rows.slice(0, COPIES).map((row) => drawFile(row, card)));
  if (rows.length <= COPIES) return list;
  const late = folded(plural(rows.length - COPIES, more, `${more}s`), () => [make("ol", { class: "files" }, ...rows.slice(COPIES).map((row) => drawFile(row, card)))]);
  return make("div", {}, list, late);
}

// What is drawn when it is opened first.
function folded(words, drawLate) {
  const late = make("details", {}, make("summary", {}, words));
  late.fill = () => { if (late.children.length === 1) late.append(...drawLate()); };
  late.addEventListener("toggle", () => { if (late.open) late.fill(); });
  return late;
}

function drawFile({ content, file }, card) {
  const facts = [timeWords(file.posted_at, view.zone), file.platform, file.author, file.forwarded_from && `forwarded from ${file.forwarded_from}`, file.captured_at && `captured ${file.captured_at}`].filter(Boolean).join(" · ");
  const row = make("li", {}, link(file.source_url, file.file), " shows ", make("strong", {}, claimWords(content)), facts ? ` — ${facts} ` : " ");
  if (file.disputed) row.append(make("strong", {}, " — sources disagree, see files.csv "));
  else if (file.post_warning) row.append(` — ${file.post_warning} `);
  if (content.reason) row.append(` — ${content.reason} `);
  row.append(citeButton(content, file, content.detections.find((one) => one.claim) ?? content.detections[0], "Cite"));
  if (file.post_text) row.append(make("blockquote", {}, file.post_text));
  return row;
}

// Copies that differ

// How many files of a card show what.
function groupsOf(card) {
  const groups = new Map();
  for (const content of card.contents) {
    const words = claimsOf(content).length ? both(claimsOf(content)) : content.keys.ambiguous ? "one flag or the other" : "no flag";
    groups.set(words, (groups.get(words) ?? 0) + content.files.length);
  }
  return groups;
}

function drawDifference(card) {
  const groups = groupsOf(card);
  const inPart = card.contents.filter((content) => content.part);
  if (groups.size < 2 && !inPart.length) return "";
  const told = [...groups].sort((a, b) => b[1] - a[1]).map(([words, files]) => `${count(files)} ${files === 1 ? "shows" : "show"} ${words}`);
  const video = card.contents.some((content) => content.kind === "video");
  const box = make("section", { class: "differ", "aria-label": "Copies differ" });
  if (groups.size > 1) box.append(make("p", {}, make("strong", {}, `${video ? "These videos share a clip and differ" : "Copies differ"}: ${told.join(", ")}.`), " What is seen in one copy is no evidence for another."));
  if (inPart.length) {
    const names = inPart.slice(0, PARTS_NAMED).map((content) => content.files[0].file);
    const more = inPart.length > PARTS_NAMED ? ` and ${count(inPart.length - PARTS_NAMED)} more` : "";
    const head = (card.contents.find((one) => one.sha256.startsWith(card.cluster)) ?? inPart[0]).files[0].file;
    box.append(make("p", {}, make("strong", {}, `In a part ${names.join(", ")}${more} ${inPart.length === 1 ? "shows" : "show"} something else than ${head}.`),
      " Something may have been painted into one of them, or out of it; which is the original the pictures do not say. The part has a broken line in the picture."));
  }
  for (const pair of data.differences[card.cluster] ?? []) box.append(drawPair(pair, card));
  return box;
}

function drawPair(pair, card) {
  const sides = [pair.a, pair.b].map((sha256) => card.contents.find((content) => content.sha256 === sha256));
  if (!pair.pictures || sides.includes(undefined)) return make("p", { class: "note" }, pair.why ?? "");
  const [first, second] = sides.map((content) => {
    const file = [...content.files].sort((a, b) => byText(latest(a.posted_at), latest(b.posted_at)))[0];
    return `${file.file}: ${claimWords(content)}${file.posted_at ? `, ${timeWords(file.posted_at, view.zone)}` : ", time of posting unknown"}`;
  });
  return drawOverlay(pair, first, second);
}

// Two pictures, the second laid over the first, and what differs.
function drawOverlay(pair, wordsOfFirst, wordsOfSecond) {
  const shown = (picture, words) => make("figure", {}, make("img", { src: picture, alt: words, loading: "lazy" }), make("figcaption", {}, words));
  const first = shown(pair.pictures[0], wordsOfFirst), second = shown(pair.pictures[1], wordsOfSecond);
  const words = `${pair.share < 0.0005 ? "less than 0.1" : (100 * pair.share).toFixed(1)} % of the picture differs, after both were laid over each other and matched in brightness`;
  const third = make("figure", {}, make("img", { src: pair.pictures[2], alt: `Difference: ${words}`, loading: "lazy" }), make("figcaption", {}, `Difference: ${words}.`));
  let timer = 0;
  const blink = button("Blink", () => {
    const image = first.querySelector("img");
    if (timer) { clearInterval(timer); timer = 0; image.src = pair.pictures[0]; }
    else timer = setInterval(() => { image.src = image.src.endsWith(pair.pictures[0]) ? pair.pictures[1] : pair.pictures[0]; }, 700);
    blink.setAttribute("aria-pressed", String(Boolean(timer)));
  }, { "aria-pressed": "false", title: "Shows the two in turn in the place of the first" });
  return make("div", { class: "pair" }, first, second, third, make("p", {}, blink));
}

// Videos

function drawTimeline(content, card, article) {
  const length = content.duration || Math.max(1, ...content.events.map((one) => one.end));
  const named = card.contents.length > 1 ? `${content.files[0].file}: ` : "";
  const events = content.events.filter((one) => !one.out || ["model", "rejected"].includes(view.verdict));
  const timesOf = (one) => `${clock(one.start)}–${clock(one.end)} ${one.unsure ? `${one.label} or ${one.rival}?` : one.label}${one.out ? ", rejected" : ""}`;
  const seen = events.map(timesOf);
  const told = seen.length ? `seen at ${seen.slice(0, STRIP).join(", ")}${seen.length > STRIP ? " …" : ""}, of ${clock(length)}` : `${clock(length)} long`;
  const box = make("div", { class: "video" }, make("p", {}, `${named}${told}`));
  const bars = draw("svg", { viewBox: "0 0 1000 40", preserveAspectRatio: "none", role: "img", "aria-label": `Time line of ${content.files[0].file}: ${seen.join(", ")}` });
  for (const [row, label] of data.labels.entries()) {
    const height = 40 / data.labels.length;
    bars.append(draw("rect", { x: 0, y: row * height + height / 2 - 1, width: 1000, height: 2, fill: "currentColor", opacity: 0.25 }));
    for (const one of events.filter((event) => event.label === label)) {
      bars.append(draw("rect", { x: 1000 * one.start / length, y: row * height + 2, width: Math.max(4, 1000 * (one.end - one.start) / length), height: height - 4, fill: colourOf(one.unsure ? "ambiguous" : label), opacity: one.out ? 0.4 : 1 }, draw("title", {})));
      bars.lastChild.firstChild.textContent = timesOf(one);
    }
  }
  const frames = new Map();
  for (const one of candidates(content)) if ((one.plain || one.annotated) && !frames.has(one.frame)) frames.set(one.frame, one);
  const inTime = [...frames.values()].sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
  const step = Math.max(1, Math.ceil(inTime.length / CONTACTS));
  const contacts = inTime.filter((_, place) => place % step === 0).map((main) => {
    const shot = shotOf(content, main);
    const opener = openable(drawShot(shot, { marks: false }), shot, article);
    return make("figure", {}, opener, make("figcaption", {}, clock(main.at ?? 0)));
  });
  box.append(make("div", { class: "line" }, bars), make("div", { class: "contacts" }, ...contacts));
  return box;
}

// Citation

function citeButton(content, file, one, text = "Copy citation") {
  return button(text, (element) => copy(citation(content, file, one), element), { class: "cite", "aria-label": `Copy a citation of ${file.file}` });
}

// The chosen zone, else the reader's own: a citation has both UTC and a local time.
const zoneCited = () => (view.zone === "UTC" ? Intl.DateTimeFormat().resolvedOptions().timeZone : view.zone);

function citation(content, file, one) {
  const lines = [`File: ${file.file}`, `SHA-256: ${content.sha256}`, `Shows: ${claimWords(content)}`];
  if (one) lines.push(`Detection: ${one.id}, ${wordsOf(one)}${content.kind === "video" ? `, at ${clock(one.at)} (${(one.at ?? 0).toFixed(3)} s)` : ""}`);
  lines.push(`Verdict: ${one?.verdict ? `${verdictWords(one)}${one.reviewed_at ? `, ${one.reviewed_at}` : ""}${one.note ? `, note: ${one.note}` : ""}` : "nobody has looked at it"}`);
  lines.push(`Post: ${file.source_url || "unknown"}`, `Posted: ${timeWords(file.posted_at, zoneCited()) || "unknown"}${file.author ? `, by ${file.author}` : ""}${file.platform ? ` on ${file.platform}` : ""}`);
  lines.push(`Found by: ${data.tool}, weights ${data.weights}`);
  return lines.join("\n");
}
