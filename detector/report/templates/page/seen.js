// What an archive knows from before, never more certain than the dates.
const SEEN_SHOWN = 3;
const BEFORE = ["certain", "possible", "unknown", "no"];
const beforeOf = (files) => BEFORE.find((one) => files.some((file) => file.before === one)) ?? "";

// The earliest that a post may be of: a bare day may begin at 10:00 UTC of the day before.
const earliest = (at) => (at.length > 10 ? at : `${new Date(Date.parse(at) - 864e5).toISOString().slice(0, 10)}T10:00:00Z`);

function spanWords(from, to) {
  const hours = Math.floor((Date.parse(to) - Date.parse(from)) / 36e5);
  const [number, unit] = [[hours / 8766, "year"], [hours / 730.5, "month"], [hours / 24, "day"], [hours, "hour"]].find(([many]) => many >= 2) ?? [1, "hour"];
  return hours < 1 ? "less than an hour" : `at least ${plural(Math.floor(number), unit, `${unit}s`)}`;
}

// The file of a content that its archive's picture says most about, the one posted first.
function fileSeen(content) {
  const before = beforeOf(content.files);
  return content.files.filter((one) => (one.before ?? "") === before).sort((a, b) => byText(latest(a.posted_at), latest(b.posted_at)))[0];
}

const spanBefore = (content) => spanWords(data.known[content.sha256].surely_by, earliest(fileSeen(content).posted_at));

// A card's contents that an archive knows, what was surely seen before first.
function seenIn(card) {
  const rank = (content) => BEFORE.indexOf(beforeOf(content.files));
  const seen = card.contents.filter((content) => data.known[content.sha256]);
  return seen.sort((a, b) => rank(a) - rank(b) || byText(data.known[a.sha256].surely_by, data.known[b.sha256].surely_by));
}

function seenWords(content, file) {
  if (file.before === "certain") return `Seen before: what looks like ${file.file} was posted ${spanBefore(content)} earlier`;
  if (file.before === "possible") return `Perhaps seen before: what looks like ${file.file} may have been there earlier`;
  if (file.before === "no") return `Known from elsewhere, not from before ${file.file} was posted`;
  return `Known from elsewhere; whether from before ${file.file} is not known, a time is missing`;
}

function drawSeen(content) {
  const known = data.known[content.sha256], file = fileSeen(content);
  const clock = known.precision === "camera" ? `a camera’s clock, which may be wrong, says ${known.since}` : known.since ? `posted ${timeWords(known.since, view.zone)}` : "no time known";
  const box = make("section", { class: "differ", "aria-label": "Seen before" },
    make("p", {}, make("strong", {}, `${seenWords(content, file)}, as ${known.as}.`), ` It: ${clock}; ${known.how}, ${plural(known.distance, "bit", "bits")} of 256 apart.`,
      known.possibly ? ` Possibly earlier still: ${timeWords(known.possibly, view.zone)}, as ${known.possibly_as}.` : ""));
  if (known.pictures) box.append(drawOverlay(known, `${known.as}: ${clock}`, `${file.file}: ${file.posted_at ? timeWords(file.posted_at, view.zone) : "time of posting unknown"}`));
  return box;
}

// One comparison for each older picture, of the copy that the card shows where that was seen before as surely.
function drawSeenBefore(card, shown) {
  const groups = new Map();
  for (const content of seenIn(card)) {
    const older = data.known[content.sha256].as;
    groups.set(older, [...(groups.get(older) ?? []), content]);
  }
  if (!groups.size) return "";
  const boxes = [...groups.values()].slice(0, SEEN_SHOWN).map((contents) => {
    const best = beforeOf(contents[0].files);
    const first = contents.find((one) => one === shown && beforeOf(one.files) === best) ?? contents[0];
    const box = drawSeen(first), rest = contents.filter((one) => one !== first);
    if (rest.length) box.append(folded(`${plural(rest.length, "more copy looks", "more copies look")} like it`, () => rest.map(drawSeen)));
    return box;
  });
  if (groups.size > SEEN_SHOWN) boxes.push(make("p", { class: "note" }, `${plural(groups.size - SEEN_SHOWN, "more older picture", "more older pictures")}: known_as in files.csv.`));
  return make("div", {}, ...boxes);
}
