// Compiled beside each module. Where static data ends, for the packer: the compiler knows it only once all of
// the module is compiled.
import "./heap";
export { __heap_base as wasmote_memory_end };
