/** Every parameter that the query of a request may have: a text that is given once. */
export const PARAMETERS = {
  wait: { type: 'string', pattern: '^[0-9]{1,3}$' },
  releasever: { type: 'string' },
  batch: { type: 'string' },
  full: { type: 'string', enum: ['1'] },
  takeOver: { type: 'string', enum: ['1'] },
} as const satisfies Readonly<Record<string, ParameterSchema>>;

export type ParameterName = keyof typeof PARAMETERS;

export interface ParameterSchema {
  readonly type: 'string';
  readonly enum?: readonly string[];
  /** For those who read it: the service says in words of its own what is wrong. */
  readonly pattern?: string;
}
