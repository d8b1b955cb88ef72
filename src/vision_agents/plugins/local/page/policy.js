// The settings of a policy as a form: each with its value, and what it means.

export class PolicyForm {
  // changed(name, text): a setting is to have this value.
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
    this.fields = new Map();
  }

  // settings: as the server describes them, see `policy_form`.
  show(settings) {
    if (!this.fields.size) this.build(settings);
    for (const { name, value } of settings) write(this.fields.get(name), value);
  }

  // What is seldom changed is folded away under the rest.
  build(settings) {
    this.list.replaceChildren(...settings.filter(({ seldom }) => !seldom).map((setting) => this.row(setting)));
    const rest = element("ul", "policy", settings.filter(({ seldom }) => seldom).map((setting) => this.row(setting)));
    this.list.after(element("details", "", [element("summary", "", "Deadlines and limits, seldom changed"), rest]));
  }

  row(setting) {
    const { name, meaning, default: usual } = setting;
    const row = element("li");
    const label = element("label", "", [element("code", "", name), " ", this.field(setting)]);
    row.append(label, element("p", "hint", `${meaning} By default ${usual}.`));
    return row;
  }

  field({ name, kind, choices }) {
    const field = kind === "choice" ? element("select", "", choices.map((choice) => new Option(choice))) : element("input");
    if (kind === "flag") field.type = "checkbox";
    else if (kind === "names") field.type = "text";
    else if (kind !== "choice") Object.assign(field, { type: "number", min: 0, step: kind === "whole" ? 1 : "any" });
    field.addEventListener("change", () => this.changed(name, read(field)));
    this.fields.set(name, field);
    return field;
  }
}

function read(field) {
  return field.type === "checkbox" ? String(field.checked) : field.value;
}

function write(field, value) {
  if (field.type === "checkbox") field.checked = value;
  else field.value = value;
}

function element(name, kind = "", content = []) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...[content].flat());
  return made;
}
