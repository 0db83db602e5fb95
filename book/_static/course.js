// A page opened from disk may not read others: search then lists the pages it finds without an excerpt of each.
if (location.protocol === "file:") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
