/** As the settings are read: empty counts as unset, and a file may hold it. */
export function isGiven(env: NodeJS.ProcessEnv, name: string): boolean {
  return [env[name], env[`${name}_FILE`]].some((value) => value !== undefined && value !== '')
}

/** Whatever the environment says of these settings, or names a file for: empty ones are unset. */
export function withSettings(
  env: NodeJS.ProcessEnv,
  settings: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const files = Object.keys(settings).map((name) => [`${name}_FILE`, ''] as const)
  return { ...env, ...Object.fromEntries(files), ...settings }
}

/** Whether the environment names a database; without one, commands that can do so start one of their own. */
export function databaseIsGiven(env: NodeJS.ProcessEnv): boolean {
  return isGiven(env, 'DATABASE_URL') || isGiven(env, 'DB_HOST')
}
