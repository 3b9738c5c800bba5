"use strict";
// Filters the changes and opens what a link points to. Without it the page shows everything, and its details open all the same.

const form = document.getElementById("filters");
const tree = document.getElementById("tree");

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  for (let each = target; each && each !== document.body; each = each.parentElement) {
    if (each.tagName === "DETAILS") each.open = true;
  }
  target?.scrollIntoView();
}

function groupsOf(element) {
  const groups = [];
  for (let each = element.parentElement; each !== tree; each = each.parentElement) groups.push(each);
  return groups;
}

if (form) {
  const changes = Array.from(tree.querySelectorAll(".change"), (element) => {
    const registry = element.closest("[data-registry]").dataset.registry;
    return { element, registry, groups: groupsOf(element), ...element.dataset };
  });
  const groups = [...new Set(changes.flatMap((each) => each.groups))];
  const closed = groups.filter((each) => each.tagName === "DETAILS" && !each.open);
  const output = form.querySelector("output");
  const all = output.textContent;

  function filter() {
    const wanted = new FormData(form);
    const text = wanted.get("text").trim().toLowerCase();
    const registry = wanted.get("registry");
    const chosen = ["action", "status", "cause"].map((name) => [name, wanted.getAll(name)]).filter(([, values]) => values.length);
    const filtered = Boolean(text || registry || chosen.length);
    const visible = new Set();
    let count = 0;
    for (const each of changes) {
      const fits =
        (!registry || each.registry === registry) &&
        chosen.every(([name, values]) => values.includes(each[name])) &&
        (!text || (each.text ??= each.element.textContent.toLowerCase()).includes(text));
      each.element.hidden = !fits;
      if (fits) {
        count += 1;
        for (const group of each.groups) visible.add(group);
      }
    }
    for (const group of groups) group.hidden = filtered && !visible.has(group);
    for (const group of closed) group.open = filtered;
    for (const rest of tree.querySelectorAll(".unchanged")) rest.hidden = filtered;
    output.textContent = filtered ? `${count} of ${all}` : all;
  }

  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.clear.addEventListener("click", () => {
    form.reset();
    filter();
  });
  form.elements.open.addEventListener("click", () => {
    for (const each of [...groups, ...changes.map((change) => change.element)]) if (!each.hidden) each.open = true;
  });
  form.elements.close.addEventListener("click", () => {
    for (const each of changes) each.element.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input, select") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      form.elements.text.focus();
    }
  });
  addEventListener("hashchange", reveal);
  reveal();
}
