// What the browser keeps for us, where it allows it: settings for the next visit, the rest as long as the tab is there.

export function stored(name, { tab = false } = {}) {
  try {
    return (tab ? sessionStorage : localStorage).getItem(name);
  } catch (error) {
    console.info(`this browser keeps nothing: ${name}`, error);
    return null;
  }
}

export function store(name, value, { tab = false } = {}) {
  try {
    (tab ? sessionStorage : localStorage).setItem(name, value);
  } catch (error) {
    console.info(`this browser does not keep ${name}`, error);
  }
}
