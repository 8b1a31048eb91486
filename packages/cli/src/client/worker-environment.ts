/**
 * What the model process gets of the environment: what Windows needs to load a library, and which graphics cards the user
 * wants to be seen. Nothing else reaches native code, LD_LIBRARY_PATH least of all: it hides the runtime's own libraries.
 */
export function workerEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const names = ['SystemRoot', 'TEMP', 'TMP', 'CUDA_VISIBLE_DEVICES', 'GGML_VK_VISIBLE_DEVICES'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}
