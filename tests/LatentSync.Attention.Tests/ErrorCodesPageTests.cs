using System.Text;
using LatentSync.Attention.Rules;
using LatentSync.Foundation.Wording;
using LatentSync.Testing;

namespace LatentSync.Attention.Tests;

/// <summary>docs/error-codes.md and its Chinese twin are made from the rules. LATENTSYNC_WRITE_DOCS=1 rewrites it.</summary>
public sealed class ErrorCodesPageTests
{
    [Theory]
    [InlineData(Language.English, "error-codes.md")]
    [InlineData(Language.Chinese, "error-codes.zh.md")]
    public void Page_Rules_Agree(Language language, string file)
    {
        string path = Path.Combine(RepositoryRoot.Find(), "docs", file),
            expected = Render(language);
        if (Environment.GetEnvironmentVariable("LATENTSYNC_WRITE_DOCS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, expected);
        }
        Assert.Equal(expected, File.ReadAllText(path).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Codes_All_AreUniqueWellFormedAndSayWhatToDo()
    {
        Assert.Equal(AttentionRules.Codes.Count, AttentionRules.Codes.DistinctBy(code => code.Code).Count());
        Assert.All(
            AttentionRules.Codes,
            code =>
            {
                Assert.Matches("^ATT[0-9]{4}$", code.Code);
                Assert.EndsWith(".", code.Message, StringComparison.Ordinal);
                Assert.NotEmpty(code.Required);
                Assert.NotEmpty(code.Remedy);
                Assert.DoesNotContain("{0}", code.Message, StringComparison.Ordinal);
            }
        );
    }

    private static string Render(Language language)
    {
        // The page writes options as they are typed: most readers come from the command line.
        using IDisposable typing = Audience.Use(new Audience(language, new Typed()));
        var page = new StringBuilder((language == Language.English ? EnglishHead : ChineseHead).ReplaceLineEndings("\n"));
        foreach (CodeDescription code in AttentionRules.Codes.Select(code => code.In(language)))
        {
            string backends = string.Join(", ", code.Backends.Select(backend => $"`{backend}`"));
            string[] cells = [code.Code, backends, code.Message, code.Required, code.Remedy, code.Source];
            page.Append("| ")
                .AppendJoin(
                    " | ",
                    cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal))
                )
                .Append(" |\n");
        }
        return Audience.Current.Vocabulary.Name(page.ToString());
    }

    private const string EnglishHead = """
        # Codes of the attention layer

        Made from the rules in `src/LatentSync.Attention/Rules` by `ErrorCodesPageTests`; do not edit
        (`LATENTSYNC_WRITE_DOCS=1` rewrites it). A code never changes its meaning and is never used again. "Cured" means that the
        backend removes the obstacle itself and runs. `latentsync attention explain` shows the codes of a problem.
        This page in Chinese: [error-codes.zh.md](error-codes.zh.md).

        | range | belongs to |
        |---|---|
        | ATT00nn | the policy |
        | ATT01nn | libtorch, device, driver, memory |
        | ATT02nn | `torch-flash`, on the CPU or anywhere |
        | ATT03nn | `torch-efficient` |
        | ATT04nn | `torch-math` |
        | ATT05nn | `torch-cudnn` |
        | ATT06nn | kernels that are known to compute wrong numbers, by version |
        | ATT07nn | `managed-flash` |
        | ATT08nn | `torch-flash` on CUDA |
        | ATT09nn | failures at run time |

        | code | backend | rule or event | required | remedy | source |
        |---|---|---|---|---|---|

        """;

    private const string ChineseHead = """
        # 注意力层的代码

        本页由 `ErrorCodesPageTests` 根据 `src/LatentSync.Attention/Rules` 中的规则生成，请勿手工修改（`LATENTSYNC_WRITE_DOCS=1` 会重写）。
        代码的含义永不改变，也永不重用。“自行处理”表示后端自己消除障碍后照常运行。`latentsync attention explain --lang zh` 显示某个问题的代码。
        英文版：[error-codes.md](error-codes.md)。

        | 范围 | 属于 |
        |---|---|
        | ATT00nn | 策略 |
        | ATT01nn | libtorch、设备、驱动、内存 |
        | ATT02nn | `torch-flash`，CPU 或通用 |
        | ATT03nn | `torch-efficient` |
        | ATT04nn | `torch-math` |
        | ATT05nn | `torch-cudnn` |
        | ATT06nn | 已知会算错的内核，按版本 |
        | ATT07nn | `managed-flash` |
        | ATT08nn | CUDA 上的 `torch-flash` |
        | ATT09nn | 运行时的失败 |

        | 代码 | 后端 | 规则或事件 | 要求 | 解决办法 | 来源 |
        |---|---|---|---|---|---|

        """;

    private sealed class Typed : Vocabulary
    {
        protected override string Option(string property, string? value) =>
            $"--{property.Replace("Folder", null, StringComparison.Ordinal).Replace("File", null, StringComparison.Ordinal).ToLowerInvariant()} {value}".TrimEnd();

        protected override string Command(string words) => $"latentsync {words}";
    }
}
