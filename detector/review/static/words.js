// An item in words. All texts reach the page as text nodes and addresses as checked attributes: they come from strangers.
import { make } from "./stage.js";

export const WORDS = {
  confirmed: "confirmed", rejected: "rejected", other_flag: "the other flag", another_flag: "another flag", cannot_tell: "cannot tell",
  missed: "box", nothing_else: "nothing else here",
};
const find = (id) => document.getElementById(id);
const words = (one) => `${WORDS[one.verdict]}${["other_flag", "confirmed"].includes(one.verdict) ? ` (${one.label})` : ""}`;

export function clock(seconds) {
  const pad = (n) => String(n).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(Math.floor(seconds) % 60)}`;
}

// What is known of an item, on the page; `show` opens another, `undo` takes a row back, `draft` is an unsaved note.
export function describeItem(item, { show, undo, draft }) {
  const seen = item.kind === "detection";
  const title = !seen ? "Nothing is shown in this file. Is a flag in the picture?"
    : `${item.shown ? "" : "almost: "}${item.ambiguous ? `${item.label} or ${item.rival_label}?` : item.label} ${item.confidence.toFixed(2)}`;
  find("what").textContent = item.media === "video" ? `${title} at ${clock(item.time_seconds)}` : title;
  const said = [];
  if (item.mine) said.push(`You: ${words(item.mine)}`);
  for (const one of item.others || []) said.push(`${one.reviewer}: ${words(one)}${one.note ? ` (${one.note})` : ""}`);
  if (item.checked_by.length) said.push(`Nothing else here: ${item.checked_by.join(", ")}`);
  find("said").textContent = said.join(" · ");
  for (const button of document.querySelectorAll("#verdicts button")) {
    button.setAttribute("aria-pressed", String(item.mine?.verdict === button.dataset.verdict));
  }
  find("settling").hidden = !item.disputed;
  if (!item.disputed) find("settles").checked = false;
  find("verdicts").hidden = find("crop").hidden = !seen;
  if (seen) {
    find("this").textContent = `It is ${item.label}`;
    find("other").textContent = `It is ${item.other_label}`;
    find("other").parentElement.hidden = !item.other_label;
  }
  if (document.activeElement !== find("note")) find("note").value = draft ?? item.mine?.note ?? "";
  find("before").disabled = !item.before;
  find("after").disabled = !item.after;
  find("nothing").setAttribute("aria-pressed", String(item.checked));
  find("drawn").replaceChildren(...item.drawn.map((one) => {
    const remove = one.mine && make("button", { type: "button" }, "Take back");
    if (remove) remove.addEventListener("click", () => undo(one.number));
    return make("li", {}, `${one.label} drawn${one.note ? `: ${one.note}` : ""} `, remove || "");
  }));
  describeOrigin(item, show);
}

function describeOrigin(item, show) {
  const rows = item.files.map((file) => {
    const name = /^https?:\/\//i.test(file.source_url)
      ? make("a", { href: file.source_url, rel: "noreferrer noopener", target: "_blank" }, file.name) : file.name;
    const told = [file.posted_at, file.platform, file.author, file.captured_at && `captured ${file.captured_at}`, file.warning];
    return make("li", {}, name, told.filter(Boolean).length ? ` — ${told.filter(Boolean).join(" · ")}` : "",
      file.text && make("blockquote", {}, file.text));
  });
  const facts = [];
  if (item.file_count > item.files.length) facts.push(`${item.file_count - item.files.length} more exact copies`);
  if (item.cluster_size > item.file_count) facts.push(`${item.cluster_size} files look the same`);
  if (item.event) facts.push(`seen from ${clock(item.event.start_seconds)} to ${clock(item.event.end_seconds)}`);
  if (item.both_in_frame) facts.push("every flag is in this picture");
  if (item.ambiguous) facts.push(`${item.rival_label} has ${item.rival_confidence.toFixed(2)} here`);
  if (item.threshold) facts.push(`threshold ${item.threshold.toFixed(2)}`);
  const others = item.in_frame.filter((id) => id !== item.id).map((id, place) => {
    const button = make("button", { type: "button" }, `other detection ${place + 1} in this picture`);
    button.addEventListener("click", () => show(id));
    return button;
  });
  const copies = item.copies.map((one) => {
    const name = `looks the same: ${[one.name, one.dated].filter(Boolean).join(", ")}`;
    if (!one.item) return make("p", {}, name);
    const button = make("button", { type: "button" }, name);
    button.addEventListener("click", () => show(one.item));
    return button;
  });
  find("facts").replaceChildren(make("ul", {}, ...rows), make("p", {}, facts.join(" · ")), ...others, ...copies);
}
