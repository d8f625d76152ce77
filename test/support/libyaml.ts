import { execFileSync } from 'node:child_process';

// Events say what libyaml reads, before Python makes numbers and dates of it.
const SCRIPT = `
import json, sys, yaml

END = object()

def node(events):
    event = next(events)
    if isinstance(event, yaml.ScalarEvent):
        return event.value
    if isinstance(event, yaml.SequenceStartEvent):
        return list(iter(lambda: node(events), END))
    if isinstance(event, yaml.MappingStartEvent):
        return {'pairs': [[key, node(events)] for key in iter(lambda: node(events), END)]}
    if isinstance(event, yaml.AliasEvent):
        raise ValueError('an alias')
    return END

def trees(text):
    try:
        events = list(yaml.parse(text.encode('utf-8', 'surrogatepass'), Loader=yaml.CLoader))
        rest = iter(events)
        return [node(rest) for event in rest if isinstance(event, yaml.DocumentStartEvent)]
    except (ValueError, yaml.YAMLError):
        return None

json.dump([trees(text) for text in json.load(sys.stdin)], sys.stdout)
`;

/**
 * The documents of each text as libyaml reads them, as readYamlTrees() gives them; null for a text that it refuses, or that has
 * an alias, at which libmodulemd stops.
 */
export function readByLibyaml(texts: readonly string[]): readonly unknown[] {
  const output = execFileSync('/usr/bin/python3', ['-c', SCRIPT], {
    input: JSON.stringify(texts),
    maxBuffer: 1 << 28,
    timeout: 60_000,
  });
  const found: unknown = JSON.parse(output.toString());
  if (!Array.isArray(found) || found.length !== texts.length)
    throw new Error('expected an answer for each text');
  return found;
}
