using System.Globalization;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Machines;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The checks that load native libraries.</summary>
internal static class NativeChecks
{
    /// <summary>Loads libtorch; gives what was found, or the check that says why not.</summary>
    public static (TorchFinding? Found, DoctorCheck Check) LibTorch(DoctorOptions options)
    {
        TorchFinding found;
        try
        {
            found = options.TryTorch(options.LibTorch);
        }
        catch (NativeLoadException failure)
        {
            NativeLoadFailure cause = failure.Failure;
            var error = DoctorCheck.Error(
                "libtorch",
                Say("libtorch.fails", cause.Code, cause.File, cause.Found, cause.Required),
                cause.Remedy
            );
            return (null, error with { Details = Lines(failure.Trace) });
        }
        catch (Exception failure)
            when (failure
                    is TypeInitializationException
                        or DllNotFoundException
                        or EntryPointNotFoundException
                        or System.Runtime.InteropServices.ExternalException
            )
        {
            string message = failure.GetBaseException().Message.ReplaceLineEndings(" ");
            return (null, DoctorCheck.Error("libtorch", Say("libtorch.unusable", message), SayEach("libtorch.unusable.do")));
        }
        return (found, Computed(found) with { Details = Lines(found.Load.Trace) });
    }

    /// <summary>What was done about the C++ library.</summary>
    public static DoctorCheck LibStdCxx(MachineExamination machine, TorchFinding? torch)
    {
        if (machine.Probe("libstdcxx") is { Succeeded: false } failed)
        {
            return DoctorCheck.Warning("libstdcxx", Say("cxx.unknown", failed.Detail), SayEach("cxx.unknown.do"));
        }
        if (machine.LibStdCxx is not { } cxx)
        {
            return DoctorCheck.Ok("libstdcxx", Say("cxx.unused"));
        }
        string text = $"{cxx.NewestVersion} ({cxx.Path})";
        if (torch is not { Load: { Repaired: true } load })
        {
            return DoctorCheck.Ok("libstdcxx", text);
        }
        return DoctorCheck.Ok("libstdcxx", Say("cxx.repaired", text, SymbolVersion, load.CacheFile ?? Say("cxx.notKept")));
    }

    /// <summary>Loads the native part of a package.</summary>
    /// <param name="options">Gives the way to load.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="library">The library's name.</param>
    /// <param name="isNeeded">Without it the main job cannot run.</param>
    public static DoctorCheck Library(DoctorOptions options, string name, string library, bool isNeeded)
    {
        if (options.TryNative(library) is not { } failure)
        {
            return DoctorCheck.Ok(name, Say("library.ok", library));
        }
        string message = Say("library.fails", failure.Code, failure.File, failure.Found, failure.Required, Say($"library.{name}"));
        return isNeeded ? DoctorCheck.Error(name, message, failure.Remedy) : DoctorCheck.Warning(name, message, failure.Remedy);
    }

    private const string SymbolVersion = "GLIBCXX_3.4.32";

    private static DoctorCheck Computed(TorchFinding found)
    {
        LibTorchLoad load = found.Load;
        string name = Say("libtorch.name", load.Version ?? Say("libtorch.unknownVersion"), load.Flavor, load.Folder);
        if (found.LargestError != 0)
        {
            string error = found.LargestError.ToString("g3", CultureInfo.InvariantCulture);
            return DoctorCheck.Error("libtorch", Say("libtorch.wrong", name, error), SayEach("libtorch.wrong.do"));
        }
        string text = Say("libtorch.ok", name);
        return load.Warnings.Count == 0
            ? DoctorCheck.Ok("libtorch", text)
            : DoctorCheck.Warning("libtorch", $"{text}. {string.Join(" ", load.Warnings)}", SayEach("libtorch.warned.do"));
    }

    private static string[] Lines(IReadOnlyList<LoadStep> trace) => trace.Select(step => step.ToString()).ToArray();
}
