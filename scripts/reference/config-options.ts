import { CONFIG_SCHEMA } from '../../src/base/config/schema.ts';

/** One option of the configuration file, as a reference says it. */
export interface ConfigOption {
  readonly section: string;
  readonly key: string;
  readonly text: string;
  /** `integer, 0 to 65535`, `one of stdout, stderr, syslog`. */
  readonly type: string;
  /** As YAML. */
  readonly defaultValue: string;
}

interface Property {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

/** Every option, in the order of the schema. */
export function listConfigOptions(): readonly ConfigOption[] {
  return Object.entries(CONFIG_SCHEMA.properties).flatMap(([section, { properties }]) =>
    Object.entries(properties).map(([key, property]: [string, Property]) => ({
      section,
      key,
      text: property.description ?? '',
      type: typeOf(property),
      defaultValue: render(property.default),
    })),
  );
}

function render(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(render).join(', ')}]` : JSON.stringify(value);
}

function typeOf({ type, enum: values, minimum, maximum }: Property): string {
  if (values !== undefined) return `one of ${values.join(', ')}`;
  if (type === 'array') return 'list';
  if (type === 'object') return 'table';
  return minimum === undefined ? (type ?? 'text') : `${type}, ${minimum} to ${maximum}`;
}
