"use strict";
// Filters, search and anchors. The address after # is `study?key=value&…`: what is open, what is
// chosen. Without this script everything is still there and folds by itself.
(() => {
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const papers = [...document.querySelectorAll("section.paper")];
  const plain = (text) => text.toLowerCase().normalize("NFKD").replace(/\s+/g, " ");
  const studies = [...document.querySelectorAll("details.study")].map((node) => ({
    node,
    paper: node.dataset.paper,
    data: node.dataset.data.split(" "),
    scales: node.dataset.scale.split(" "),
    verdicts: node.dataset.verdicts
      .split(" ")
      .map((one) => one.split(":"))
      .map(([scale, verdict, n]) => ({ scale, verdict, n: Number(n) })),
    words: null, // read when first searched
  }));
  const searched = (study) => (study.words ??= plain(study.node.textContent + " " + study.node.id));
  // What was not run has no scale, and belongs to each.
  const at = (one, scale) => !scale || one.scale === scale || one.scale === "not-run";
  const chosen = () => Object.fromEntries(new FormData(form));

  function apply() {
    const { q, paper, data, verdict, scale } = chosen();
    const wanted = plain(q).split(" ").filter(Boolean);
    const totals = new Map();
    let shown = 0;
    for (const study of studies) {
      const fits =
        (!paper || study.paper === paper) &&
        (!data || study.data.includes(data)) &&
        (!scale || study.scales.includes(scale)) &&
        (!verdict || study.verdicts.some((one) => one.verdict === verdict && at(one, scale))) &&
        wanted.every((word) => searched(study).includes(word));
      study.node.hidden = !fits;
      if (!fits) continue;
      shown += 1;
      for (const one of study.verdicts)
        if (at(one, scale)) totals.set(one.verdict, (totals.get(one.verdict) ?? 0) + one.n);
    }
    for (const one of papers) one.hidden = !one.querySelector("details.study:not([hidden])");
    const told = ["reproduced", "contradicted", "inconclusive"]
      .filter((word) => totals.get(word))
      .map((word) => `${totals.get(word)} ${word}`);
    const of = shown === studies.length ? `${shown} studies` : `${shown} of ${studies.length} studies`;
    count.textContent = of + (told.length ? `; claims and numbers: ${told.join(", ")}` : "");
    none.hidden = shown > 0;
  }

  const split = () => {
    const [anchor, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
    try {
      return { anchor: decodeURIComponent(anchor), query };
    } catch {
      return { anchor, query }; // not written by this page
    }
  };

  function remember(anchor) {
    const told = Object.entries(chosen()).filter(([, value]) => value);
    const query = new URLSearchParams(told).toString();
    const hash = anchor + (query ? `?${query}` : "");
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  // An anchor opens what it names; a study that the filters hide clears them.
  function follow() {
    const { anchor, query } = split();
    const target = anchor && document.getElementById(anchor);
    if (query || !target) {
      const asked = new URLSearchParams(query);
      for (const field of form.elements) if (field.name) field.value = asked.get(field.name) ?? "";
      for (const field of form.querySelectorAll("select")) if (!field.value) field.value = "";
    }
    apply();
    if (!target) return;
    if (target.hidden) {
      form.reset();
      apply();
    }
    if (target.matches("details")) target.open = true;
    target.scrollIntoView();
    focus(target);
  }

  function focus(target) {
    if (target.matches("details")) target.querySelector("summary").focus({ preventScroll: true });
  }

  const each = (open) => {
    for (const { node } of studies) if (!node.hidden) node.open = open;
  };
  form.addEventListener("input", () => {
    apply();
    remember("");
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if ("open" in button.dataset) each(true);
    if ("close" in button.dataset) each(false);
    if ("reset" in button.dataset) {
      form.reset();
      apply();
      remember("");
    }
  });
  // What is opened by hand can be pointed at.
  document.addEventListener("click", (event) => {
    const summary = event.target.closest("details.study > summary");
    if (summary) remember(summary.parentNode.open ? "" : summary.parentNode.id);
  });
  // On paper everything shown is open, with its pictures.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const node of folded) node.open = true;
    for (const picture of document.images) picture.loading = "eager";
  });
  addEventListener("afterprint", () => {
    for (const node of folded) node.open = false;
  });
  addEventListener("hashchange", follow);
  follow();
  // The browser goes to the anchor once more when all is loaded, and takes the focus away.
  addEventListener("load", () =>
    setTimeout(() => {
      const target = document.getElementById(split().anchor);
      if (target && document.activeElement === document.body) focus(target);
    }),
  );
})();
