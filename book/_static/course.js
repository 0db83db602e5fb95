// A page opened from disk may not read others: search then lists the pages it finds without an excerpt of each.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// The theme's buttons that unfold a solution all have one name: here each has its solution's, for those who hear the page.
addEventListener("load", () => {
  for (const button of document.querySelectorAll("button.toggle-button")) {
    button.setAttribute("aria-label", `Show or hide: ${button.closest(".admonition-title").textContent.trim()}`);
  }
});
