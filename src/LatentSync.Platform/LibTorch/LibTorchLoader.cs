using System.Runtime.InteropServices;

namespace LatentSync.Platform.LibTorch;

/// <summary>Loads libtorch and TorchSharp's native bridge once per process, before the first touch of TorchSharp.</summary>
public static class LibTorchLoader
{
    private static readonly Lock Gate = new();
    private static bool _loaded;

    /// <summary>Loads the native libraries; later calls return at once.</summary>
    public static void EnsureLoaded()
    {
        lock (Gate)
        {
            if (_loaded || !OperatingSystem.IsLinux())
            {
                return;
            }
            string native = FindNativeFolder();
            string bridge = Path.Combine(native, "libLibTorchSharp.so");
            if (!NativeLibrary.TryLoad(bridge, out _))
            {
                string repaired = Path.Combine(Path.GetTempPath(), $"latentsync-bridge-{Environment.ProcessId}.so");
                byte[] image = File.ReadAllBytes(bridge);
                WeakenVersionNeed(image, "GLIBCXX_3.4.32");
                File.WriteAllBytes(repaired, image);
                foreach (string name in new[] { "libgomp*.so*", "libc10.so", "libtorch_cpu.so", "libtorch.so" })
                {
                    foreach (string file in Directory.GetFiles(native, name))
                    {
                        NativeLibrary.Load(file);
                    }
                }
                NativeLibrary.Load(repaired);
                File.Delete(repaired);
            }
            _loaded = true;
        }
    }

    private static string FindNativeFolder()
    {
        foreach (string folder in new[] { AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native") })
        {
            if (File.Exists(Path.Combine(folder, "libLibTorchSharp.so")))
            {
                return folder;
            }
        }
        throw new DllNotFoundException("libLibTorchSharp.so was not found.");
    }

    private static void WeakenVersionNeed(byte[] image, string version)
    {
        long sectionHeaders = BitConverter.ToInt64(image, 0x28);
        int entrySize = BitConverter.ToUInt16(image, 0x3A), count = BitConverter.ToUInt16(image, 0x3C);
        for (int i = 0; i < count; i++)
        {
            long header = sectionHeaders + (long)i * entrySize;
            if (BitConverter.ToUInt32(image, (int)header + 4) != 0x6ffffffe)
            {
                continue;
            }
            long offset = BitConverter.ToInt64(image, (int)header + 0x18);
            int link = BitConverter.ToInt32(image, (int)header + 0x28);
            long strings = BitConverter.ToInt64(image, (int)(sectionHeaders + (long)link * entrySize) + 0x18);
            for (long need = offset; ;)
            {
                int auxCount = BitConverter.ToUInt16(image, (int)need + 2);
                long aux = need + BitConverter.ToUInt32(image, (int)need + 8);
                for (int a = 0; a < auxCount; a++)
                {
                    int name = (int)(strings + BitConverter.ToUInt32(image, (int)aux + 8));
                    int end = Array.IndexOf(image, (byte)0, name);
                    if (System.Text.Encoding.ASCII.GetString(image, name, end - name) == version)
                    {
                        image[aux + 4] |= 2;
                    }
                    aux += BitConverter.ToUInt32(image, (int)aux + 12);
                }
                uint next = BitConverter.ToUInt32(image, (int)need + 12);
                if (next == 0)
                {
                    break;
                }
                need += next;
            }
        }
    }
}
