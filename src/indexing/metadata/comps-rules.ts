import type { ElementRules } from './xml-check.ts';

// dnf ends with a fault at a group or environment without an id, in "group list" and whatever else looks at groups.
const WITH_ID: ReadonlySet<string> = new Set(['group', 'environment']);
// libcomps keeps no value of an empty one, and reads it without looking, which ends dnf with a signal.
const FILLED: ReadonlySet<string> = new Set(['id', 'uservisible', 'biarchonly', 'display_order']);
// libcomps forgets the text of an element before an element within.
const TEXTS: ReadonlySet<string> = new Set([
  ...FILLED,
  'name',
  'description',
  'default',
  'langonly',
  'packagereq',
  'groupid',
]);
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
  // Of the open element that holds a text, which has no other within.
  let isFilled = false;
  return {
    open: (path, attributes) => {
      const [parent = '', name = ''] = [path.at(-2), path.at(-1)];
      if (TEXTS.has(parent)) throw new Error(`expected a text in each <${parent}>, found <${name}>`);
      const needed = NEEDED_ATTRIBUTES.get(`${parent}/${name}`);
      if (needed !== undefined && attributes[needed] === undefined) {
        throw new Error(`expected the attribute "${needed}" of each <${name}>, found one without`);
      }
      isFilled = false;
      if (WITH_ID.has(name)) ids.push(false);
    },
    text: (_, text) => {
      if (text.trim() !== '') isFilled = true;
    },
    close: (path) => {
      const [parent = '', name = ''] = [path.at(-2), path.at(-1)];
      if (FILLED.has(name) && !isFilled)
        throw new Error(`expected a text in each <${name}>, found an empty one`);
      if (name === 'id' && WITH_ID.has(parent)) ids[ids.length - 1] = true;
      if (WITH_ID.has(name) && ids.pop() !== true) {
        throw new Error(`expected an <id> in each <${name}>, found one without`);
      }
    },
  };
}
