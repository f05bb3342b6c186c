"use strict";
// Without this the desk works too: reload the page to see which card is there.

// A form is sent once. The desk would do it once anyway, by its request id.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  setTimeout(() => form.querySelectorAll("button").forEach((button) => { button.disabled = true; }), 0);
});

// A page that is shown again from the browser's memory is asked for anew.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

// Papers are printed from here; a click with another key or button opens them.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-print]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  document.querySelectorAll("iframe").forEach((old) => old.remove());
  const paper = document.createElement("iframe");
  paper.hidden = true;
  paper.title = link.textContent;
  paper.src = link.href;
  paper.addEventListener("load", () => {
    paper.contentWindow.focus();
    paper.contentWindow.print();
    link.focus();
    link.dataset.printed = "yes";
  });
  document.body.append(paper);
});

// The card in the reader appears by itself.
const reader = document.querySelector("[data-poll]");
if (reader) {
  let last = null;
  const look = async () => {
    try {
      const answer = await fetch(reader.dataset.poll, { cache: "no-store" });
      if (answer.ok) {
        const text = await answer.text();
        if (last !== null && text !== last && !reader.querySelector("[data-sent]")) {
          reader.innerHTML = text;
          document.querySelectorAll("form:not(#reader *) input[name=request]").forEach((field) => {
            const fresh = reader.querySelector("input[name=request]");
            if (fresh) field.value = fresh.value;
          });
          const field = reader.querySelector("[autofocus]");
          const typing = document.activeElement && document.activeElement.matches("input") && document.activeElement.value;
          if (field && !typing) field.focus();
        }
        last = text;
      }
    } catch (error) { /* The desk has ended, or begins again: asked once more. */ }
    setTimeout(look, 1000);
  };
  look();
}
