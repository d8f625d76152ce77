import type { YamlMapping, YamlNode } from './yaml-tree.ts';

/** What a node has to be. @throws Error with the node's place in the document. */
type Shape = (node: YamlNode, place: string) => void;

const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
// dnf makes one boolean dependency of the streams that a module requires, and crashes on 100,000 of them (libdnf,
// ModulePackage.cpp; src/rpm/rpm-parser/dependency-defect.ts says why).
const MAX_STREAMS = 1000;
// What modules of EL 8 have in place of -1; libmodulemd takes it there.
const OVERFLOWED_BUILD_ORDER = '18446744073709551615';

// Source of all below: libmodulemd, modulemd-yaml-util.c, modulemd_yaml_parse_string() and so on.
const anything: Shape = () => undefined;

const text: Shape = (node, place) => {
  if (typeof node !== 'string') throw new Error(`${place}: expected a text, found ${nameKind(node)}`);
};

const filledText: Shape = (node, place) => {
  text(node, place);
  if (typeof node !== 'string' || node.trim() === '') throw new Error(`${place}: is empty`);
};

const uint64: Shape = (node, place) => {
  const isOne = typeof node === 'string' && /^\d{1,20}$/.test(node) && BigInt(node) <= MAX_UINT64;
  if (!isOne) throw new Error(`${place}: expected a whole number below 2^64, found ${nameKind(node)}`);
};

const int64: Shape = (node, place) => {
  if (node === OVERFLOWED_BUILD_ORDER) return;
  if (!isInt64(node)) throw new Error(`${place}: expected a whole number, found ${nameKind(node)}`);
};

function isInt64(node: YamlNode): boolean {
  if (typeof node !== 'string' || !/^-?\d{1,19}$/.test(node)) return false;
  const value = BigInt(node);
  return value >= MIN_INT64 && value <= MAX_INT64;
}

const boolean: Shape = (node, place) => {
  if (node !== 'true' && node !== 'false') {
    throw new Error(`${place}: expected true or false, found ${nameKind(node)}`);
  }
};

const date: Shape = (node, place) => {
  if (typeof node === 'string' && isDate(node)) return;
  throw new Error(`${place}: expected a date YYYY-MM-DD, found ${nameKind(node)}`);
};

/** Source: modulemd-util.c, modulemd_iso8601date_to_guint64(). */
const minute: Shape = (node, place) => {
  const [day = '', time = ''] = typeof node === 'string' ? node.split('T') : [];
  if (isDate(day) && /^(?:[01]\d|2[0-3]):[0-5]\dZ$/.test(time)) return;
  throw new Error(`${place}: expected a time YYYY-MM-DDTHH:MMZ, found ${nameKind(node)}`);
};

/** A sequence of texts, or a single text. */
const textSet: Shape = (node, place) => {
  if (typeof node !== 'string') listOf(text)(node, place);
};

/** Source: modulemd-util.c, modulemd_validate_nevra(). */
const nevra: Shape = (node, place) => {
  const isOne = typeof node === 'string' && /^.+-\d+:[^-]*-[^-]*\.[^.-]*$/s.test(node);
  if (!isOne) throw new Error(`${place}: expected name-epoch:version-release.arch, found ${nameKind(node)}`);
};

const nevraSet: Shape = (node, place) => {
  if (typeof node === 'string') nevra(node, place);
  else listOf(nevra)(node, place);
};

/** Streams of a module, all of them with a minus before or none. Source: modulemd-dependencies.c. */
const streamSet: Shape = (node, place) => {
  if (Array.isArray(node) && node.length > MAX_STREAMS) {
    throw new Error(`${place}: has more than ${MAX_STREAMS} streams`);
  }
  textSet(node, place);
  if (!Array.isArray(node)) return;
  const negativeCount = node.filter((stream) => String(stream).startsWith('-')).length;
  if (negativeCount === 0 || negativeCount === node.length) return;
  throw new Error(`${place}: some streams have a minus before them, others have none`);
};

/** Keys that it does not name are skipped on hosts. */
function mapping(shapes: Readonly<Record<string, Shape>>, required: readonly string[] = []): Shape {
  return (node, place) => {
    const found = mapOf(node, place);
    const keys = new Set(found.map(([key]) => key));
    for (const key of required) if (!keys.has(key)) throw new Error(`${place}: has no "${key}"`);
    for (const [key, value] of found) {
      if (Object.hasOwn(shapes, key)) shapes[key]?.(value, `${place}.${key}`);
    }
  };
}

function mappingOf(shape: Shape): Shape {
  return (node, place) => {
    for (const [key, value] of mapOf(node, place)) shape(value, `${place}.${key.slice(0, 100)}`);
  };
}

/** For mappings in which libmodulemd refuses a key that comes twice, or adds up what its values have; elsewhere the last counts. */
function distinct(shape: Shape): Shape {
  return (node, place) => {
    const seen = new Set<string>();
    for (const [key] of mapOf(node, place)) {
      if (seen.has(key)) throw new Error(`${place}: has the key "${key.slice(0, 100)}" twice`);
      seen.add(key);
    }
    shape(node, place);
  };
}

function listOf(shape: Shape): Shape {
  return (node, place) => {
    if (!Array.isArray(node)) throw new Error(`${place}: expected a list, found ${nameKind(node)}`);
    for (const [index, item] of node.entries()) shape(item, `${place}[${index}]`);
  };
}

const rpmSet = mapping({ rpms: textSet });
const licenses = mapping({ module: textSet, content: textSet }, ['module']);
const references = mapping({ community: text, documentation: text, tracker: text });
const profile = mapping({ rpms: textSet, description: text, default: boolean });

const component = mapping({
  rationale: text,
  name: text,
  repository: text,
  ref: text,
  cache: text,
  arches: textSet,
  multilib: textSet,
  buildroot: boolean,
  'srpm-buildroot': boolean,
  buildafter: textSet,
  buildonly: boolean,
  buildorder: int64,
});

const rpmMapEntry = mapping(
  { name: text, epoch: uint64, version: text, release: text, arch: text, nevra: text },
  ['name', 'version', 'release', 'arch'],
);

/** Extensible data, of which libmodulemd takes a list within a mapping only. */
const extensible: Shape = (node, place) => {
  if (Array.isArray(node)) throw new Error(`${place}: expected a mapping, found a list`);
};

const STREAM = {
  name: filledText,
  stream: filledText,
  version: uint64,
  context: text,
  arch: text,
  summary: text,
  description: text,
  servicelevels: mappingOf(mapping({ eol: date })),
  license: licenses,
  xmd: extensible,
  references,
  profiles: mappingOf(profile),
  api: rpmSet,
  filter: rpmSet,
  buildopts: mapping({ rpms: mapping({ whitelist: textSet, macros: text }), arches: textSet }),
  components: mapping({ rpms: mappingOf(component), modules: mappingOf(component) }),
};
const STREAM_REQUIRED = ['name', 'stream', 'summary', 'description', 'license'];

// Source: modulemd-module-stream-v1.c, modulemd_module_stream_v1_parse_yaml().
const streamV1 = mapping(
  {
    ...STREAM,
    dependencies: mapping({ buildrequires: mappingOf(text), requires: mappingOf(text) }),
    artifacts: mapping({ rpms: nevraSet }),
    eol: date,
  },
  STREAM_REQUIRED,
);

// libmodulemd adds up the streams of a module that comes twice.
const streamsOfModules = distinct(mappingOf(streamSet));

// Source: modulemd-module-stream-v2.c, modulemd_module_stream_v2_parse_yaml().
const streamV2Fields = mapping(
  {
    ...STREAM,
    static_context: boolean,
    dependencies: listOf(distinct(mapping({ buildrequires: streamsOfModules, requires: streamsOfModules }))),
    demodularized: rpmSet,
    artifacts: mapping({ rpms: nevraSet, 'rpm-map': mappingOf(mappingOf(rpmMapEntry)) }),
  },
  STREAM_REQUIRED,
);

/** Source: modulemd_module_stream_v2_validate_context(). */
const streamV2: Shape = (node, place) => {
  streamV2Fields(node, place);
  const isFree = !findValues(node, 'static_context').includes('true');
  const wrong = findValues(node, 'context').find((it) => typeof it !== 'string' || !/^\w{1,13}$/.test(it));
  if (isFree || wrong === undefined) return;
  throw new Error(`${place}.context: expected up to 13 letters, digits and _, found ${nameKind(wrong)}`);
};

// Source: modulemd-defaults-v1.c, modulemd_defaults_v1_parse_yaml().
const profilesOfStreams = distinct(mappingOf(textSet));
const defaults = distinct(
  mapping(
    {
      module: filledText,
      modified: uint64,
      stream: text,
      profiles: profilesOfStreams,
      intents: distinct(mappingOf(distinct(mapping({ stream: text, profiles: profilesOfStreams })))),
    },
    ['module'],
  ),
);

// Source: modulemd-translation.c and modulemd-translation-entry.c.
const translations = distinct(
  mapping(
    {
      module: filledText,
      stream: filledText,
      modified: uint64,
      translations: mappingOf(mapping({ summary: text, description: text, profiles: mappingOf(text) })),
    },
    ['module', 'stream', 'modified'],
  ),
);

// Source: modulemd-obsoletes.c, modulemd_obsoletes_parse_yaml() and modulemd_obsoletes_validate().
const obsoletes = distinct(
  mapping(
    {
      module: filledText,
      stream: filledText,
      context: text,
      modified: minute,
      eol_date: minute,
      reset: boolean,
      message: filledText,
      obsoleted_by: distinct(mapping({ module: text, stream: text }, ['module', 'stream'])),
    },
    ['module', 'stream', 'modified', 'message'],
  ),
);

const envelope = distinct(
  mapping({ document: text, version: uint64, data: anything }, ['document', 'version', 'data']),
);

// Source: modulemd-module-index.c, add_subdoc(). Packager documents are for building, no index takes them.
const DATA_OF: ReadonlyMap<string, Shape> = new Map([
  ['"modulemd" "1"', streamV1],
  ['"modulemd" "2"', streamV2],
  ['"modulemd-stream" "1"', streamV1],
  ['"modulemd-stream" "2"', streamV2],
  ['"modulemd-defaults" "1"', defaults],
  ['"modulemd-translations" "1"', translations],
  ['"modulemd-obsoletes" "1"', obsoletes],
]);

/**
 * Compares a document of `modules` with what libmodulemd reads from it on hosts. One that it cannot read it leaves out,
 * where dnf does not end with a core dump at it.
 * @throws Error with the place of what is wrong.
 */
export function checkModulemd(document: YamlNode): void {
  envelope(document, 'the document');
  const kind = ['document', 'version'].map((key) => nameKind(findValues(document, key)[0] ?? '')).join(' ');
  const shape = DATA_OF.get(kind);
  if (shape === undefined) throw new Error(`no document of a known kind and version: ${kind}`);
  shape(findValues(document, 'data')[0] ?? '', 'data');
}

function mapOf(node: YamlNode, place: string): YamlMapping['pairs'] {
  if (isMapping(node)) return node.pairs;
  throw new Error(`${place}: expected a mapping, found ${nameKind(node)}`);
}

function findValues(node: YamlNode, key: string): readonly YamlNode[] {
  if (!isMapping(node)) return [];
  return node.pairs.filter(([name]) => name === key).map(([, value]) => value);
}

function isMapping(node: YamlNode): node is YamlMapping {
  return typeof node !== 'string' && 'pairs' in node;
}

function isDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  const milliseconds = Date.parse(`${text}T00:00Z`);
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString().startsWith(text);
}

function nameKind(node: YamlNode): string {
  if (typeof node === 'string') return node === '' ? 'nothing' : `"${node.slice(0, 100)}"`;
  return Array.isArray(node) ? 'a list' : 'a mapping';
}
