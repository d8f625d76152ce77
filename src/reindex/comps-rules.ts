import type { ElementRules } from './xml-check.ts';

// dnf ends with a fault at a group or environment without an id, in "group list" and whatever else looks at groups.
const WITH_ID: ReadonlySet<string> = new Set(['group', 'environment']);
// libcomps compares them without looking whether they are there, which ends dnf with a signal.
const NEEDED_ATTRIBUTES: ReadonlyMap<string, string> = new Map([
  ['langpacks/match', 'name'],
  ['blacklist/package', 'name'],
  ['whiteout/ignoredep', 'requires'],
]);

/** What comps must have so that dnf can read it. Source: dnf 4 with libcomps 0.1, by trial. */
export function createCompsRules(): ElementRules {
  // Of each open group or environment: whether its id has come.
  const ids: boolean[] = [];
  return {
    open: (path, attributes) => {
      const name = path.at(-1) ?? '';
      const needed = NEEDED_ATTRIBUTES.get(`${path.at(-2) ?? ''}/${name}`);
      if (needed !== undefined && attributes[needed] === undefined) {
        throw new Error(`expected the attribute "${needed}" of each <${name}>, found one without`);
      }
      if (WITH_ID.has(name)) ids.push(false);
    },
    text: (path, text) => {
      const isId = path.at(-1) === 'id' && WITH_ID.has(path.at(-2) ?? '');
      if (isId && text.trim() !== '') ids[ids.length - 1] = true;
    },
    close: (path) => {
      const name = path.at(-1) ?? '';
      if (!WITH_ID.has(name) || ids.pop() === true) return;
      throw new Error(`expected an <id> in each <${name}>, found one without`);
    },
  };
}
