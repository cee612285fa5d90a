using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace LatentSync.Platform.Machines;

/// <summary>The instruction sets that .NET may use here, so that DOTNET_EnableAVX512=0 and the like show. Those that .NET has no class
/// for are asked of the processor, and count only where .NET uses the family they belong to.</summary>
internal static class InstructionSets
{
    /// <summary>Names as in /proc/cpuinfo without underscores: "avx2", "avx512f", "avx512bf16", "advsimd".</summary>
    public static IReadOnlyList<string> Read()
    {
        (string Name, bool IsUsable)[] known =
        [
            ("sse4.2", Sse42.IsSupported),
            ("avx", Avx.IsSupported),
            ("avx2", Avx2.IsSupported),
            ("fma", Fma.IsSupported),
            ("f16c", Avx2.IsSupported && Bit(1, 0, Register.Ecx, 29)),
            ("avxvnni", AvxVnni.IsSupported),
            ("avx512f", Avx512F.IsSupported),
            ("avx512bw", Avx512BW.IsSupported),
            ("avx512cd", Avx512CD.IsSupported),
            ("avx512dq", Avx512DQ.IsSupported),
            ("avx512vl", Avx512F.VL.IsSupported),
            ("avx512vbmi", Avx512Vbmi.IsSupported),
            ("avx512vnni", Avx512F.IsSupported && Bit(7, 0, Register.Ecx, 11)),
            ("avx512bf16", Avx512F.IsSupported && Bit(7, 1, Register.Eax, 5)),
            ("avx512fp16", Avx512F.IsSupported && Bit(7, 0, Register.Edx, 23)),
            ("avx10.1", Avx10v1.IsSupported),
            ("amxtile", Avx512F.IsSupported && Bit(7, 0, Register.Edx, 24)),
            ("amxbf16", Avx512F.IsSupported && Bit(7, 0, Register.Edx, 22)),
            ("amxfp16", Avx512F.IsSupported && Bit(7, 1, Register.Eax, 21)),
            ("amxint8", Avx512F.IsSupported && Bit(7, 0, Register.Edx, 25)),
            ("advsimd", AdvSimd.IsSupported),
            ("dp", Dp.IsSupported),
            ("rdm", Rdm.IsSupported),
        ];
        return known.Where(item => item.IsUsable).Select(item => item.Name).ToArray();
    }

    /// <summary>The processor's own name for itself (CPUID leaves 0x80000002 to 4); null where there is none.</summary>
    public static string? BrandString()
    {
        if (!X86Base.IsSupported || (uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < 0x80000004)
        {
            return null;
        }
        var letters = new System.Text.StringBuilder(48);
        for (uint leaf = 0x80000002; leaf <= 0x80000004; leaf++)
        {
            (int eax, int ebx, int ecx, int edx) = X86Base.CpuId(unchecked((int)leaf), 0);
            foreach (int register in new[] { eax, ebx, ecx, edx })
            {
                for (int shift = 0; shift < 32; shift += 8)
                {
                    letters.Append((char)((register >> shift) & 0xff));
                }
            }
        }
        string name = letters.ToString().Replace('\0', ' ').Trim();
        return name.Length == 0 ? null : name;
    }

    private static bool Bit(int leaf, int subleaf, Register register, int bit)
    {
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < leaf || (subleaf > 0 && X86Base.CpuId(leaf, 0).Eax < subleaf))
        {
            return false;
        }
        (int eax, int _, int ecx, int edx) = X86Base.CpuId(leaf, subleaf);
        int value = register switch
        {
            Register.Eax => eax,
            Register.Ecx => ecx,
            _ => edx,
        };
        return ((value >> bit) & 1) != 0;
    }

    private enum Register
    {
        Eax,
        Ecx,
        Edx,
    }
}
