"use strict";
// All texts reach the page as text nodes and all addresses as checked attributes: they come from strangers.
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== "" && child !== undefined && child !== null));
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function button(text, act, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", () => act(element));
  return element;
}

function clock(seconds) {
  const whole = Math.floor(seconds || 0), rest = (n) => String(n).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${rest(Math.floor(whole / 60) % 60)}:${rest(whole % 60)}`;
}

function link(address, text) {
  return /^https?:\/\//i.test(address || "") ? make("a", { href: address, rel: "noreferrer noopener" }, text) : text;
}

const count = (number) => number.toLocaleString("en");
const plural = (number, one, many) => `${count(number)} ${number === 1 ? one : many}`;
const both = (names) => names.join(" and ");

// Times

const formats = new Map();
function isZone(name) {
  try { return Boolean(new Intl.DateTimeFormat("sv-SE", { timeZone: name })); } catch { return false; }
}

// A time of UTC as a clock in the zone shows it; a bare day stays what it is.
function inZone(at, zone) {
  if (at.length <= 10) return at;
  if (!formats.has(zone)) {
    formats.set(zone, { known: new Map(), format: new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }) });
  }
  const { known, format } = formats.get(zone);
  if (!known.has(at)) known.set(at, format.format(new Date(at)));
  return known.get(at);
}

function timeWords(at, zone) {
  if (!at) return "";
  if (at.length <= 10) return `${at} (day only, its zone unknown)`;
  return zone === "UTC" ? at : `${at} (${inZone(at, zone)} ${zone})`;
}

// The latest that a post may be of: a bare day may end at 12:00 UTC of the next. None comes last.
const latest = (at) => (!at ? "~" : at.length > 10 ? at : `${new Date(Date.parse(at) + 864e5).toISOString().slice(0, 10)}T12:00:00Z`);

// Copying

async function copy(text, element) {
  const before = element.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = make("textarea", { "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  element.textContent = "copied";
  find("told").textContent = "Copied";
  setTimeout(() => { element.textContent = before; }, 1500);
}
const shortId = (id) => (id.length > 24 ? id.slice(0, 6) + id.slice(id.indexOf("-")) : id);
