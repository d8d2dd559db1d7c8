// What is looked at lives in the address, so that Back, reload and a shared link give the same view.
const CLEAR = { tab: "seen", show: "", verdict: "", known: "", confidence: "0", kind: "", status: "", platform: "", author: "", from: "", to: "", text: "", order: "", page: "1", zone: "UTC" };
const FIELDS = Object.keys(CLEAR).filter((name) => !["tab", "page"].includes(name));
const TABS = ["seen", "almost", "other"];
const view = { ...CLEAR };
const PEOPLE = {
  "": ([state]) => state !== "rejected",
  model: ([, said]) => said === 1,
  confirmed: ([state]) => state === "confirmed",
  undecided: ([state]) => state === "undecided",
  rejected: ([state, said]) => state === "rejected" && said === 1,
  entered: ([state, said]) => state !== "rejected" && said === 0,
};
const SEEN_BEFORE = { certain: ["certain"], possible: ["certain", "possible"], known: ["certain", "possible", "no", "unknown"] };
const KEYS = [...data.labels, "both_in_frame", "both", "ambiguous"];

function readAddress() {
  const told = new URLSearchParams(location.hash.slice(1));
  Object.assign(view, CLEAR);
  for (const name of Object.keys(CLEAR)) if (told.has(name)) view[name] = told.get(name);
  if (!TABS.includes(view.tab)) view.tab = "seen";
  if (!(view.verdict in PEOPLE)) view.verdict = "";
  if (!isZone(view.zone)) view.zone = "UTC";
  for (const name of FIELDS) find(name).value = view[name];
  for (const name of ["show", "platform", "order", "verdict", "known", "kind", "status"]) if (find(name).value !== view[name]) view[name] = find(name).value = "";
}

function address(changes = {}) {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...view, ...changes })) if (value !== CLEAR[name]) told.set(name, value);
  return `#${told}`;
}

const keyOf = (show) => (show.startsWith("label:") ? show.slice(6) : show);
const keysOf = (content) => (view.tab === "almost" ? content.almost : content.keys);
const holds = (key) => PEOPLE[view.verdict](key) && key[2] >= Number(view.confidence);

// The keys of a content that meet the filter in force.
function keysThatHold(content) {
  const keys = keysOf(content);
  return (view.show ? [keyOf(view.show)] : KEYS).filter((name) => keys[name] && holds(keys[name]));
}

const authors = new Set([...data.contents.flatMap((content) => content.files), ...data.others].map((file) => file.author).filter(Boolean));
const isBy = (author, wanted) => (authors.has(wanted) ? author === wanted : author.toLowerCase().includes(wanted.toLowerCase()));

function fileMatches(file, content) {
  if (view.known && !SEEN_BEFORE[view.known].includes(file.before ?? "")) return false;
  if (view.platform && file.platform !== view.platform) return false;
  if (view.author && !isBy(file.author ?? "", view.author)) return false;
  if (view.from || view.to) {
    const day = file.posted_at ? inZone(file.posted_at, view.zone).slice(0, 10) : "";
    if (!day || (view.from && day < view.from) || (view.to && day > view.to)) return false;
  }
  const text = view.text.toLowerCase();
  return !text || textOf(file).includes(text) || (content && textOfContent(content).includes(text));
}

function textOf(file) {
  file.searched ??= [file.file, file.author, file.forwarded_from, file.platform, file.post_text, file.source_url, file.reason].filter(Boolean).join("\n").toLowerCase();
  return file.searched;
}

function textOfContent(content) {
  content.searched ??= [content.sha256, content.cluster, ...content.detections.map((one) => one.id)].join("\n").toLowerCase();
  return content.searched;
}

// Of a card's contents those that show what is asked for, each with the files that meet the rest of the filter.
function contentsThatMatch(card) {
  const found = [];
  for (const content of card.contents) {
    if ((view.kind && content.kind !== view.kind) || (view.status && content.status !== view.status)) continue;
    const keys = keysThatHold(content);
    if (!keys.length) continue;
    const files = content.files.filter((file) => fileMatches(file, content));
    if (files.length) found.push({ content, keys, files });
  }
  return found;
}

const sureness = (one) => Math.max(...one.keys.map((name) => keysOf(one.content)[name][2]));
function weigh(one) {
  const together = one.keys.includes("both_in_frame") ? 4 : 0;
  const clear = one.keys.some((name) => data.labels.includes(name)) ? 2 : 0;
  const decided = one.keys.some((name) => keysOf(one.content)[name][0] === "confirmed") ? 1 : 0;
  return together + clear + decided;
}

const firstPosted = (files) => files.reduce((first, file) => (latest(file.posted_at) < first ? latest(file.posted_at) : first), "~");
const byText = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
const orders = {
  "": (a, b) => b.weight - a.weight || b.before - a.before || b.files - a.files || b.sure - a.sure,
  before: (a, b) => byText(a.seen, b.seen),
  confidence: (a, b) => b.sure - a.sure,
  copies: (a, b) => b.files - a.files,
  posted: (a, b) => byText(a.posted, b.posted),
  file: (a, b) => byText(a.name, b.name),
};

// The cards of the filter in force, in order: each looked at only through the files that match.
function findCards() {
  const found = [];
  for (const card of cards) {
    const matching = contentsThatMatch(card);
    if (!matching.length) continue;
    matching.sort((a, b) => weigh(b) - weigh(a) || sureness(b) - sureness(a));
    const [known] = seenIn({ contents: matching.map((one) => one.content) });
    const before = known ? beforeOf(known.files) : "";
    found.push({
      before: before === "certain" ? 1 : 0,
      seen: known ? `${BEFORE.indexOf(before)}${data.known[known.sha256].surely_by}` : "~",
      card, matching, weight: weigh(matching[0]), sure: Math.max(...matching.map(sureness)),
      files: matching.reduce((sum, one) => sum + one.files.length, 0),
      posted: matching.map((one) => firstPosted(one.files)).sort()[0],
      name: matching.flatMap((one) => one.files.map((file) => file.file)).sort()[0],
    });
  }
  return found.sort((a, b) => orders[view.order](a, b) || byText(a.card.cluster, b.card.cluster));
}

const cards = [];
{
  const clusters = new Map();
  for (const content of data.contents) {
    if (!clusters.has(content.cluster)) clusters.set(content.cluster, { cluster: content.cluster, contents: [] });
    clusters.get(content.cluster).contents.push(content);
  }
  cards.push(...clusters.values());
}
