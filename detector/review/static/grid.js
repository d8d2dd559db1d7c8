// Many detections: tick those that are alike, decide once.
import { tell, watchSaving } from "./api.js";

const find = (id) => document.getElementById(id);
const KEYS = { c: "confirmed", x: "rejected", o: "other_flag", a: "another_flag", t: "cannot_tell" };
const boxes = () => [...document.querySelectorAll("input[name=pick]")];
const ticked = () => boxes().filter((box) => box.checked);

function count() { find("saved").textContent = ticked().length ? `${ticked().length} ticked` : "None ticked"; }

async function decide(verdict) {
  const chosen = ticked();
  if (!chosen.length) { count(); return; }
  try {
    await tell("verdicts", { verdict, ids: chosen.map((box) => box.value), note: "" });
  } catch { return; }
  for (const box of chosen) {
    box.checked = false;
    const card = box.closest(".card");
    card.dataset.verdict = verdict;
    card.querySelector(".mine").textContent = verdict.replace("_", " ");
  }
}

async function undo() {
  const { ids } = await tell("undo", {}).catch(() => ({ ids: [] }));
  if (ids.length) location.reload();
  else find("saved").textContent = "There is nothing to undo";
}

watchSaving((waiting, trouble) => { find("saved").textContent = trouble || (waiting ? "saving" : "saved"); });
document.addEventListener("change", (event) => { if (event.target.name === "pick") count(); });
for (const button of document.querySelectorAll("#decide [data-verdict]")) button.addEventListener("click", () => decide(button.dataset.verdict));
for (const button of document.querySelectorAll("[data-select]")) {
  button.addEventListener("click", () => { boxes().forEach((box) => { box.checked = button.dataset.select === "all"; }); count(); });
}
find("undo").addEventListener("click", undo);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  if (localStorage.getItem("single keys") === "off") return; // as said under "Keys", one by one
  const key = event.key.toLowerCase();
  if (key === "u") undo();
  else if (KEYS[key]) decide(KEYS[key]);
});
count();
