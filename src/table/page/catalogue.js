// SPDX-License-Identifier: Apache-2.0
// Search: all words must stand in a view's head, or in its head and one column together. Without this
// script the page is whole, only not searchable.
(function () {
  "use strict";
  var form = document.querySelector(".search");
  var box = form.querySelector("input");
  var count = form.querySelector("output");
  var nothing = document.querySelector(".nothing");

  function textOf(node) {
    return node.textContent.toLowerCase();
  }

  var views = Array.from(document.querySelectorAll("article")).map(function (node) {
    return {
      node: node,
      head: Array.from(node.querySelectorAll("h2, .about, dl")).map(textOf).join(" "),
      link: document.querySelector('nav a[href="#' + CSS.escape(node.id) + '"]'),
      rows: Array.from(node.querySelectorAll("tbody tr")).map(function (row) {
        return { node: row, text: textOf(row) };
      }),
    };
  });
  var groups = Array.from(document.querySelectorAll("nav section"));

  function search() {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0, columns = 0;
    function has(text) {
      return words.every(function (word) { return text.includes(word); });
    }
    views.forEach(function (view) {
      var whole = has(view.head), rows = 0;
      view.rows.forEach(function (row) {
        var seen = whole || has(view.head + " " + row.text);
        row.node.hidden = !seen;
        rows += seen;
      });
      var seen = whole || rows > 0;
      view.node.hidden = !seen;
      view.link.parentNode.hidden = !seen;
      shown += seen;
      columns += rows;
    });
    groups.forEach(function (group) {
      group.hidden = !group.querySelector("li:not([hidden])");
    });
    nothing.hidden = shown > 0;
    count.textContent = shown + (shown === 1 ? " view, " : " views, ") +
      columns + (columns === 1 ? " column" : " columns");
  }

  form.hidden = false;
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  box.addEventListener("input", search);
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      box.focus();
      box.select();
    }
  });
  search();
})();
