using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Models.Loading;

/// <summary>States of a network.</summary>
internal static class ModuleExtensions
{
    /// <summary>Evaluation mode, no gradients.</summary>
    public static void Freeze(this nn.Module module)
    {
        module.eval();
        foreach (Parameter parameter in module.parameters())
        {
            parameter.requires_grad = false;
        }
    }
}
